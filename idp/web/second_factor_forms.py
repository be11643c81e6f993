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

#: What a kind's template shows of the person's own factor, by the kind's name: never a secret.
FACTS: Mapping[str, Callable[[Session, str], Mapping[str, object]]] = {
    RECOVERY_CODE.name: lambda session, person_id: {"left": count_recovery_codes(session, person_id)},
}


def asked_kind() -> SecondFactor:
    """Return the kind that the request names, by its address or its form; the usual one if it names none."""
    return second_factor_named(request.values.get("method", ""))


def factor_form(
    session: Session, person_id: str, *, offered: Sequence[SecondFactor] | None = None
) -> dict[str, object]:
    """Return what a page that asks for a second factor shows: ``kind``, its ``facts``, and the ``others``.

    :param offered: the kinds that will do here; else all that the person can use.
    """
    usable = second_factors_of(session, person_id) if offered is None else tuple(offered)
    asked = asked_kind()
    kind = asked if asked in usable or not usable else usable[0]
    facts = FACTS.get(kind.name)
    return {
        "kind": kind,
        "facts": facts(session, person_id) if facts else {},
        "others": [other for other in usable if other is not kind],
    }
