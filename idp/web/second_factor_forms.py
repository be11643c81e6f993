"""The form that asks for a second factor, whichever door it stands at: which kind, what it shows, what else there is.

Each kind has a template ``idp/factors/NAME.html`` with three macros: ``heading()``, ``fields(form, facts)`` and
``offer(address)``, the line by which it is chosen instead of another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flask import request
from sqlalchemy.orm import Session

from idp.authentication.recovery_codes import count_recovery_codes
from idp.authentication.second_factor_kinds import (
    RECOVERY_CODE,
    SecondFactor,
    second_factor_named,
    second_factors_of,
)
from idp.web.access import present, services

#: What a kind's template shows of the person's own factor, by the kind's name: never a secret.
FACTS: Mapping[str, Callable[[Session, str], Mapping[str, object]]] = {
    RECOVERY_CODE.name: lambda session, person_id: {"left": count_recovery_codes(session, person_id)},
}


def asked_kind() -> SecondFactor:
    """Return the kind that the request names, by its address or its form; the usual one if it names none."""
    return second_factor_named(request.values.get("method", ""))


def factor_form(person_id: str, *, journey: str, offered: Sequence[SecondFactor] | None = None) -> dict[str, object]:
    """Return what a page that asks for a second factor shows: ``kind``, its ``facts``, and the ``others``.

    A kind that must be begun is begun: outside of any transaction of the caller.

    :param journey: id of the login, reset or link. :param offered: the kinds that will do here; else all that the
        person can use.
    """
    database = services().database
    with database.reading() as session:
        usable = second_factors_of(session, person_id) if offered is None else tuple(offered)
    asked = asked_kind()
    kind = asked if asked in usable or not usable else usable[0]
    facts: dict[str, object] = {}
    if kind.name in FACTS:
        with database.reading() as session:
            facts.update(FACTS[kind.name](session, person_id))
    if kind.begin is not None and kind in usable:
        with database.transaction() as session:
            facts.update(kind.begin(session, services=services(), person_id=person_id, journey=journey, now=present()))
    return {
        "kind": kind,
        "facts": facts,
        "others": [other for other in usable if other is not kind],
    }
