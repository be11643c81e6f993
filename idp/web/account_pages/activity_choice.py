"""What part of the activity a person asks to see: a kind of event, and days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from audit.vocabulary import EventType
from idp.authentication.activity import LOOKS, SHOWN, ActivityFilter
from web.moments import TIMEZONE

_SERVICES = (
    EventType.AUTHORIZATION_GRANTED,
    EventType.CONSENT_GRANTED,
    EventType.CONSENT_WITHDRAWN,
    EventType.DEVICE_ALLOWED,
    EventType.DEVICE_DENIED,
    EventType.BACKCHANNEL_REQUESTED,
    EventType.BACKCHANNEL_ALLOWED,
    EventType.BACKCHANNEL_DENIED,
    EventType.BACKCHANNEL_DISOWNED,
)
_LOGINS = (EventType.SESSION_STARTED, EventType.SESSION_ENDED)
_KINDS: dict[str, tuple[EventType, ...]] = {
    "logins": _LOGINS,
    "services": _SERVICES,
    # Whatever is added to what is shown and is none of the others changed something.
    "changes": tuple(kind for kind in SHOWN if kind not in (*_SERVICES, *_LOGINS, *LOOKS)),
    "looks": LOOKS,
}
_FAILURES = "failures"


@dataclass(frozen=True)
class ActivityChoice:
    """What was asked for. :ivar address: the parameters that ask for it again; empty: everything."""

    what: str
    since: str
    until: str
    filter: ActivityFilter

    @property
    def address(self) -> dict[str, Any]:
        """See above."""
        asked = {"what": self.what, "since": self.since, "until": self.until}
        return {name: value for name, value in asked.items() if value}


def choices() -> list[tuple[str, str]]:
    """Return what can be chosen, as values and words."""
    return [
        ("", _("Todo")),
        ("logins", _("Ingresos y salidas")),
        (_FAILURES, _("Intentos fallidos")),
        ("services", _("Servicios a los que entró")),
        ("changes", _("Cambios en su cuenta")),
        ("looks", _("Quién consultó sus datos")),
    ]


def read_choice(parameters: Mapping[str, str]) -> ActivityChoice:
    """Return what the address asks for; what makes no sense is not asked."""
    what = parameters.get("what", "")
    what = what if what in (*_KINDS, _FAILURES) else ""
    since, until = _day(parameters.get("since")), _day(parameters.get("until"))
    return ActivityChoice(
        what=what,
        since=since.isoformat() if since else "",
        until=until.isoformat() if until else "",
        filter=ActivityFilter(
            types=_KINDS.get(what, ()),
            only_failures=what == _FAILURES,
            since=_midnight(since) if since else None,
            until=_midnight(until + timedelta(days=1)) if until else None,
        ),
    )


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    # Room for the next day, and for what databases can hold.
    return found if 2000 <= found.year <= 2999 else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(TIMEZONE))
