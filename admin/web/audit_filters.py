"""The filters of the search of the evidence: as they are typed, as they stand in the address, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from admin.counted_search import counted_filter
from admin.hour_counts import ACTS, APPROVED, FAILED, NEW_DEVICES, REFUSED, STARTED
from admin.overview import ECUADOR
from admin.web import words
from admin.web.forms import Typed
from admin.web.listing import Chip
from audit.search import EventFilter
from audit.vocabulary import Outcome
from kernel.errors import Rejected

FILTERS = ("type", "outcome", "reason", "client", "object", "request", "person", "actor", "since", "until", "counted")
_SERIAL = re.compile("[0-9A-Fa-f]{16,64}")
GROUPS = (
    ("idp:password:*", _l("Contraseñas")),
    ("idp:session:*", _l("Ingresos y sesiones")),
    ("idp:consent:*", _l("Permisos")),
    ("idp:token:*", _l("Fichas de acceso")),
    ("ca:*", _l("Certificados: todo")),
    ("admin:*", _l("Consola: todo")),
)
_COUNTED: Mapping[str, words.Text] = {
    STARTED: _l("Ingresos"),
    FAILED: _l("Intentos fallidos"),
    APPROVED: _l("Aprobaciones fuera de horario"),
    NEW_DEVICES: _l("Equipos nuevos"),
    ACTS: _l("Actos de la consola"),
}
_LABELS: Mapping[str, words.Text] = {
    "counted": _l("Lo contado"),
    "type": _l("Acción"),
    "outcome": _l("Resultado"),
    "reason": _l("Motivo"),
    "client": _l("Aplicación"),
    "object": _l("Serie u objeto"),
    "request": _l("Referencia de la petición"),
    "since": _l("Desde"),
    "until": _l("Hasta"),
}


def address(endpoint: str, parameters: Mapping[str, str]) -> str:
    """Return the address of a view with these filters."""
    return f"{url_for(endpoint)}?{urlencode(parameters)}" if parameters else url_for(endpoint)


def chip_of(name: str, filters: Mapping[str, str], people: Mapping[str, tuple[str, str]]) -> Chip:
    """Return a filter that is set, in words, with the way to take it off."""
    value, label = filters[name], str(_LABELS.get(name, ""))
    if name == "counted":
        value = f"{_('Negado')}: {value.removeprefix(REFUSED)}" if value.startswith(REFUSED) else str(_COUNTED[value])
    elif name in people:
        label, value = people[name]
    elif name == "type":
        value = str(dict(GROUPS).get(value) or words.event_words(value))
    elif name == "outcome" and value in set(Outcome):
        value = str(words.OUTCOMES[Outcome(value)][2])
    left = {other: text for other, text in filters.items() if other != name}
    return Chip(label, value, address(".search", left))


def filters_of(typed: Typed) -> EventFilter:
    """Return what was typed as what is looked for.

    :raises Rejected: ``bad_date_since``, ``bad_date_until``, ``bad_counted``.
    """
    filters = EventFilter(
        type=typed["type"] or None,
        outcome=typed["outcome"] or None,
        reason=typed["reason"] or None,
        client_id=typed["client"] or None,
        object_id=_object(typed["object"]),
        actor=typed["actor"] or None,
        request_id=typed["request"] or None,
        about=typed["person"] or None,
        since=_day(typed["since"], "since"),
        until=_day(typed["until"], "until", add=timedelta(days=1)),
    )
    return counted_filter(typed["counted"], filters) if typed["counted"] else filters


def _object(text: str) -> str | None:
    """Return what was typed as events name it: a serial number as other programs show it has colons and capitals."""
    plain = "".join(text.replace(":", "").split())
    return (plain.lower() if _SERIAL.fullmatch(plain) else text.strip()) or None


def _day(text: str, field: str, *, add: timedelta = timedelta(0)) -> datetime | None:
    """Return midnight in Ecuador of the day typed, or the moment of an address. :raises Rejected: ``bad_date_…``."""
    if not text:
        return None
    try:
        if "T" in text:
            return datetime.fromisoformat(text).replace(tzinfo=ECUADOR).astimezone(UTC)
        # In UTC here, where a day at the end of the calendar still is an error of the form.
        return (datetime.fromisoformat(text).replace(tzinfo=ECUADOR) + add).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Rejected("This is no date.", code=f"bad_date_{field}") from error
