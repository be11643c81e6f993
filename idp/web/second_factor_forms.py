"""The form that asks for a second factor, whichever door it stands at: which kind, what it shows, what else there is.

Each kind has a template ``idp/factors/NAME.html`` with three macros: ``heading()``, ``fields(form, facts)`` and
``offer(address)``, the line by which it is chosen instead of another. One that can be begun again gets a second form,
with ``step`` = ``resend`` (``idp/factors/_again.html``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flask import request
from sqlalchemy.orm import Session

from idp.authentication.recovery_codes import count_recovery_codes
from idp.authentication.second_factor import begin_second_factor
from idp.authentication.second_factor_kinds import (
    RECOVERY_CODE,
    SecondFactor,
    second_factor_named,
    second_factors_of,
)
from idp.web.access import present, services
from idp.web.cookies import device_secret
from idp.web.forms import Form
from kernel.errors import Conflict, Rejected, Throttled

#: What a kind's template shows of the person's own factor, by the kind's name: never a secret.
FACTS: Mapping[str, Callable[[Session, str], Mapping[str, object]]] = {
    RECOVERY_CODE.name: lambda session, person_id: {"left": count_recovery_codes(session, person_id)},
}


def asked_kind() -> SecondFactor:
    """Return the kind that the request names, by its address or its form; the usual one if it names none."""
    return second_factor_named(request.values.get("method", ""))


def factor_form(
    form: Form,
    person_id: str,
    *,
    journey: str,
    offered: Sequence[SecondFactor] | None = None,
    again: bool = False,
) -> dict[str, object]:
    """Return what a page that asks for a second factor shows: ``kind``, its ``facts``, and the ``others``.

    A kind that must be begun is begun here; why it cannot be is told by the form.

    :param journey: id of the login, reset or link.
    :param offered: the kinds that will do here; else all that the person can use.
    :param again: its owner asks for another code.
    """
    with services().database.reading() as session:
        usable = second_factors_of(session, person_id) if offered is None else tuple(offered)
        asked = asked_kind()
        kind = asked if asked in usable or not usable else usable[0]
        facts = dict(FACTS[kind.name](session, person_id)) if kind.name in FACTS else {}
    if kind.begin is not None and kind in usable:
        try:
            with services().database.transaction() as session:
                begun = begin_second_factor(
                    session,
                    services=services(),
                    person_id=person_id,
                    kind=kind,
                    device_secret=device_secret(),
                    journey=journey,
                    again=again,
                    now=present(),
                )
        except (Rejected, Conflict, Throttled) as error:
            form.refuse("code", error)
        else:
            facts |= begun
    return {
        "kind": kind,
        "facts": facts,
        "others": [other for other in usable if other is not kind],
    }
