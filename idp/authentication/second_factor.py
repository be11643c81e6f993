"""Checking a second factor: one counter before every door, whichever kind of code is typed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authentication.assurance import Proved
from idp.authentication.known_device import find_known_device
from idp.authentication.second_factor_kinds import SecondFactor
from idp.authentication.throttle import CODE_BY_PERSON, forgive, take_try, throttle_key
from idp.authentication.totp import WrongCodeError, clean_code
from idp.services import IdpServices
from kernel.errors import Rejected, Throttled


class SecondFactorMismatchError(WrongCodeError):
    """The code does not fit. :ivar tries_left: how many tries are left before a wait."""

    def __init__(self, *, code: str, tries_left: int) -> None:
        super().__init__("The code does not fit.", code=code)
        self.tries_left = tries_left


def begin_second_factor(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    kind: SecondFactor,
    device_secret: str | None,
    journey: str,
    again: bool,
    now: datetime,
) -> Mapping[str, object]:
    """Do what ``kind`` needs before its form is shown, if anything; return what the form shows of it.

    :raises ServiceError: as ``kind.begin``.
    """
    if kind.begin is None:
        return {}
    device = find_known_device(session, person_id=person_id, secret=device_secret, now=now)
    return kind.begin(
        session, services=services, person_id=person_id, journey=journey, device=device, again=again, now=now
    )


def require_second_factor(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    kind: SecondFactor,
    code: str,
    device_secret: str | None,
    purpose: str,
    journey: str,
    now: datetime,
) -> tuple[str, ...]:
    """Check a code, count the try, and put either end on record; return what it adds to a session (``amr``).

    Errors leave with their event committed.

    :param purpose: the door: ``login``, ``reset``, ``enrollment_link``. :param journey: which one, by its id.
    :raises Rejected: (``code_missing``) when nothing was typed; that is no try.
    :raises Throttled: (``too_many_tries``).
    :raises SecondFactorMismatchError: ``wrong_code`` or ``used_code``.
    """
    if not clean_code(code):
        raise Rejected("Type the code.", code="code_missing")
    device = find_known_device(session, person_id=person_id, secret=device_secret, now=now)
    key = throttle_key(services, CODE_BY_PERSON, person_id, device or "")
    try:
        tries_left = take_try(session, key=key, limit=CODE_BY_PERSON, now=now)
    except Throttled as error:
        event = Event(
            type=EventType.LOGIN_THROTTLED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            subject=person_id,
            details={"factor": kind.name, "purpose": purpose, "known_device": device is not None},
        )
        services.journal.refuse(session, event, error, now=now)
    try:
        proved = kind.require(session, services=services, person_id=person_id, code=code, journey=journey, now=now)
    except WrongCodeError as error:
        failure = Event(
            type=kind.verified,
            outcome=Outcome.FAILURE,
            reason=error.code,
            subject=person_id,
            details={"purpose": purpose, **({"why": error.why} if error.why else {})},
        )
        mismatch = SecondFactorMismatchError(code=error.code, tries_left=tries_left)
        services.journal.refuse(session, failure, mismatch, now=now)
    forgive(session, key=key)
    services.journal.record(
        session, Event(type=kind.verified, subject=person_id, details={"purpose": purpose}), now=now
    )
    return proved.methods if isinstance(proved, Proved) else (kind.amr,)
