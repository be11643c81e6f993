"""A logged-in person changes how he logs in: each change on record, told by mail, and the session's worth with it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import Person, hold_person
from idp.authentication.assurance import AMR_OTP
from idp.authentication.browser_session import end_sessions_of, step_up
from idp.authentication.enrollment_tries import (
    forgive_enrollment_tries,
    refuse_first_code,
    take_enrollment_try,
)
from idp.authentication.password import PasswordMismatchError, find_phc, place_for_password, require_password
from idp.authentication.password_reset import replace_password
from idp.authentication.recovery_codes import (
    issue_recovery_codes,
    issue_with_first_factor,
    remove_recovery_codes,
)
from idp.authentication.second_factor_kinds import has_second_factor
from idp.authentication.throttle import PASSWORD_BY_ACCOUNT, forgive, take_try, throttle_key
from idp.authentication.totp import WrongCodeError, confirm_totp, remove_totp
from idp.notices.mail import notify
from idp.services import IdpServices
from kernel.errors import Rejected
from kernel.secret_text import SecretText


def enroll_second_factor(
    session: Session, *, services: IdpServices, person: Person, sid: str, code: str, now: datetime
) -> str:
    """Confirm the pending key by its first code; the session is stepped up. Return its new secret.

    :raises Rejected: (``code_missing``, ``wrong_code``), :raises Conflict: (``nothing_pending``, ``session_ended``),
    :raises Throttled: (``too_many_tries``).
    """
    take_enrollment_try(session, services=services, person_id=person.id, code=code, now=now)
    hold_person(session, person.id)
    try:
        confirm_totp(session, services=services, person_id=person.id, sid=sid, code=code, now=now)
    except WrongCodeError as error:
        refuse_first_code(session, error, services=services, person_id=person.id, sid=sid, now=now)
    forgive_enrollment_tries(session, services=services, person_id=person.id)
    issue_with_first_factor(session, services=services, person_id=person.id, now=now)
    _tell(session, services, person, "added", now=now)
    _, secret = step_up(session, journal=services.journal, sid=sid, method=AMR_OTP, now=now)
    return secret


def remove_second_factor(session: Session, *, services: IdpServices, person: Person, sid: str, now: datetime) -> None:
    """Remove the code app, and with the last second factor the recovery codes; other sessions end.

    The caller has checked a recent step-up.
    """
    remove_totp(session, services=services, person_id=person.id, factor_id=None, now=now)
    session.flush()
    if not has_second_factor(session, person.id):
        remove_recovery_codes(session, person_id=person.id)
    end_sessions_of(
        session,
        journal=services.journal,
        person_id=person.id,
        reason="second_factor_removed",
        except_sid=sid,
        now=now,
    )
    _tell(session, services, person, "removed", now=now)


def issue_new_recovery_codes(session: Session, *, services: IdpServices, person: Person, now: datetime) -> None:
    """Replace the recovery codes. The caller has checked a recent step-up."""
    issue_recovery_codes(session, services=services, person_id=person.id, now=now)
    _tell(session, services, person, "codes", now=now)


def require_own_password(services: IdpServices, *, person: Person, password: SecretText, now: datetime) -> None:
    """Check the password of someone who is logged in, with the counter that log-in has.

    :raises Rejected: (``wrong_password``); :raises Throttled: (``too_many_tries``).
    """
    key = throttle_key(services, PASSWORD_BY_ACCOUNT, person.document, "own")
    with place_for_password():  # a try that is not looked at is none, and must not count
        with services.database.transaction() as session:
            take_try(session, key=key, limit=PASSWORD_BY_ACCOUNT, now=now)
            phc = find_phc(session, person.id)
        try:
            require_password(password, phc=phc, placed=True)
        except PasswordMismatchError:
            event = Event(
                type=EventType.PASSWORD_VERIFIED, outcome=Outcome.FAILURE, reason="wrong_password", subject=person.id
            )
            with services.database.transaction() as session:
                error = Rejected("The password does not fit.", code="wrong_password")
                services.journal.refuse(session, event, error, now=now)
    with services.database.transaction() as session:
        forgive(session, key=key)
        services.journal.record(session, Event(type=EventType.PASSWORD_VERIFIED, subject=person.id), now=now)


def change_password(
    session: Session, *, services: IdpServices, person: Person, sid: str, phc: str, now: datetime
) -> None:
    """Set a new password; all other sessions end, a mail says so. The caller has checked the old one."""
    replace_password(session, services=services, person=person, phc=phc, reason="changed", except_sid=sid, now=now)


def _tell(session: Session, services: IdpServices, person: Person, change: str, *, now: datetime) -> None:
    notify(
        session,
        services=services,
        person=person,
        template="second_factor_changed",
        context={"change": change},
        now=now,
    )
