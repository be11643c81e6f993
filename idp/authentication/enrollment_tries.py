"""Wrong first codes at enrolment are counted: each is an event, and a stranger must not write the log full."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authentication.throttle import ENROLLMENT_CODE_BY_PERSON, forgive, take_try, throttle_key
from idp.authentication.totp import WrongCodeError, clean_code
from idp.services import IdpServices
from kernel.errors import Rejected, Throttled


def take_enrollment_try(session: Session, *, services: IdpServices, person_id: str, code: str, now: datetime) -> None:
    """Count a first code before it is checked.

    :raises Rejected: (``code_missing``) when nothing was typed; that is no try.
    :raises Throttled: (``too_many_tries``) on record.
    """
    if not clean_code(code):
        raise Rejected("Type the code.", code="code_missing")
    try:
        take_try(session, key=_key(services, person_id), limit=ENROLLMENT_CODE_BY_PERSON, now=now)
    except Throttled as error:
        event = Event(
            type=EventType.LOGIN_THROTTLED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            subject=person_id,
            details={"factor": "totp", "purpose": "enrollment"},
        )
        services.journal.refuse(session, event, error, now=now)


def refuse_first_code(
    session: Session,
    error: WrongCodeError,
    *,
    services: IdpServices,
    person_id: str,
    now: datetime,
    sid: str | None = None,
    object_id: str | None = None,
) -> NoReturn:
    """Put a wrong first code on record and raise ``error``."""
    event = Event(
        type=EventType.TOTP_ENROLLED,
        outcome=Outcome.FAILURE,
        reason=error.code,
        subject=person_id,
        session_id=sid,
        object_id=object_id,
    )
    services.journal.refuse(session, event, error, now=now)


def forgive_enrollment_tries(session: Session, *, services: IdpServices, person_id: str) -> None:
    """Start the count anew, after a success."""
    forgive(session, key=_key(services, person_id))


def _key(services: IdpServices, person_id: str) -> str:
    return throttle_key(services, ENROLLMENT_CODE_BY_PERSON, person_id)
