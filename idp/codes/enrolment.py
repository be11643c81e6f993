"""A logged-in person adds or removes codes by message or mail, or a card: on record, told, the session's worth too."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import Person, hold_person
from idp.authentication.assurance import AMR_GRID, AMR_SMS
from idp.authentication.browser_session import end_sessions_of, step_up
from idp.authentication.enrollment_tries import forgive_enrollment_tries, take_enrollment_try
from idp.authentication.recovery_codes import issue_with_first_factor, remove_recovery_codes
from idp.authentication.second_factor_kinds import has_second_factor
from idp.authentication.totp import WrongCodeError
from idp.codes.code_factor import add_code_factor, has_confirmed_mail, remove_code_factor
from idp.codes.grid_card import confirm_card, remove_grid_cards
from idp.codes.sent_code import Channel, require_sent_code
from idp.events.announcement import announce_to_services
from idp.notices.notify import notify_everywhere
from idp.protocol.security_event import credential_change
from idp.services import IdpServices
from kernel.errors import Conflict

_CREDENTIALS = {"sms": "phone-sms", "grid": "grid"}  # CAEP §3.3.1; cards have no name there


def enroll_sms(session: Session, *, services: IdpServices, person: Person, sid: str, code: str, now: datetime) -> str:
    """Have codes by short message asked as a second step, by the first of them; return the session's new secret.

    :raises Rejected: (``code_missing``, ``wrong_code``, ``dead_code``); :raises Throttled: (``too_many_tries``);
    :raises Conflict: (``session_ended``).
    """
    take_enrollment_try(session, services=services, person_id=person.id, code=code, now=now)
    hold_person(session, person.id)
    try:
        require_sent_code(
            session,
            services=services,
            channel=Channel.SMS,
            person_id=person.id,
            code=code,
            journey=sid,
            now=now,
        )
    except WrongCodeError as error:
        _refuse(session, services, error, EventType.SMS_CODE_ENROLLED, person_id=person.id, sid=sid, now=now)
    added = add_code_factor(session, person_id=person.id, channel=Channel.SMS, now=now)
    if added is not None:
        _record(session, services, EventType.SMS_CODE_ENROLLED, "sms", person_id=person.id, factor_id=added, now=now)
    return _added(session, services, person, "sms", sid=sid, method=AMR_SMS, now=now)


def enroll_confirmed_sms(session: Session, *, services: IdpServices, person: Person, sid: str, now: datetime) -> str:
    """Do as :func:`enroll_sms` for who has confirmed his telephone by a code in this very transaction."""
    added = add_code_factor(session, person_id=person.id, channel=Channel.SMS, now=now)
    if added is not None:
        _record(session, services, EventType.SMS_CODE_ENROLLED, "sms", person_id=person.id, factor_id=added, now=now)
    return _added(session, services, person, "sms", sid=sid, method=AMR_SMS, now=now)


def enroll_card(session: Session, *, services: IdpServices, person: Person, sid: str, code: str, now: datetime) -> str:
    """Put the card into use that this session was shown, by its first cells; return the session's new secret.

    :raises Rejected: (``code_missing``, ``wrong_code``); :raises Throttled: (``too_many_tries``);
    :raises Conflict: (``nothing_pending``, ``session_ended``).
    """
    take_enrollment_try(session, services=services, person_id=person.id, code=code, now=now)
    hold_person(session, person.id)
    try:
        confirm_card(session, services=services, person_id=person.id, sid=sid, code=code, now=now)
    except WrongCodeError as error:
        _refuse(session, services, error, EventType.GRID_CARD_ENROLLED, person_id=person.id, sid=sid, now=now)
    return _added(session, services, person, "grid", sid=sid, method=AMR_GRID, now=now)


def remove_sms(session: Session, *, services: IdpServices, person: Person, sid: str | None, now: datetime) -> None:
    """Remove codes by short message; other sessions end. The caller has checked a recent step-up."""
    for factor_id in remove_code_factor(session, person_id=person.id, channel=Channel.SMS):
        _record(session, services, EventType.SMS_CODE_REMOVED, "sms", person_id=person.id, factor_id=factor_id, now=now)
        _removed(session, services, person, "sms", sid=sid, now=now)


def remove_card(session: Session, *, services: IdpServices, person: Person, sid: str | None, now: datetime) -> None:
    """Remove the card; other sessions end. The caller has checked a recent step-up."""
    for card_id in remove_grid_cards(session, person_id=person.id):
        _record(session, services, EventType.GRID_CARD_REMOVED, "grid", person_id=person.id, factor_id=card_id, now=now)
        _removed(session, services, person, "grid", sid=sid, now=now)


def ask_mail_on_new_devices(session: Session, *, services: IdpServices, person: Person, now: datetime) -> None:
    """Have a code by mail asked where a login comes from a new device. :raises Conflict: (``no_contact``)."""
    if not has_confirmed_mail(session, person.id):
        raise Conflict("There is no confirmed address to send a code to.", code="no_contact")
    added = add_code_factor(session, person_id=person.id, channel=Channel.EMAIL, now=now)
    if added is not None:
        event = Event(type=EventType.EMAIL_CODE_ENROLLED, subject=person.id, object_id=added)
        services.journal.record(session, event, now=now)


def ask_no_mail(session: Session, *, services: IdpServices, person: Person, now: datetime) -> None:
    """Ask no code by mail any more."""
    for factor_id in remove_code_factor(session, person_id=person.id, channel=Channel.EMAIL):
        event = Event(type=EventType.EMAIL_CODE_REMOVED, subject=person.id, object_id=factor_id)
        services.journal.record(session, event, now=now)
        _tell(session, services, person, "removed", "email", now=now)


def drop_recovery_codes_without_factor(session: Session, *, person_id: str) -> None:
    """Remove the recovery codes of who has no second factor left: they stand in for one, and for nothing else."""
    session.flush()
    if not has_second_factor(session, person_id):
        remove_recovery_codes(session, person_id=person_id)


def _added(
    session: Session, services: IdpServices, person: Person, kind: str, *, sid: str, method: str, now: datetime
) -> str:
    forgive_enrollment_tries(session, services=services, person_id=person.id)
    issue_with_first_factor(session, services=services, person_id=person.id, now=now)
    _tell(session, services, person, "added", kind, now=now)
    _, secret = step_up(session, journal=services.journal, sid=sid, method=method, now=now)
    return secret


def _removed(
    session: Session, services: IdpServices, person: Person, kind: str, *, sid: str | None, now: datetime
) -> None:
    drop_recovery_codes_without_factor(session, person_id=person.id)
    end_sessions_of(
        session,
        journal=services.journal,
        person_id=person.id,
        reason="second_factor_removed",
        except_sid=sid,
        now=now,
    )
    _tell(session, services, person, "removed", kind, now=now)


def _record(
    session: Session,
    services: IdpServices,
    kind: EventType,
    credential: str,
    *,
    person_id: str,
    factor_id: str,
    now: datetime,
) -> None:
    event_id = services.journal.record(session, Event(type=kind, subject=person_id, object_id=factor_id), now=now)
    added = kind is EventType.SMS_CODE_ENROLLED
    change = credential_change(credential=_CREDENTIALS[credential], change="create" if added else "delete", now=now)
    announce_to_services(session, change, person_id=person_id, event_id=event_id, now=now)


def _refuse(
    session: Session,
    services: IdpServices,
    error: WrongCodeError,
    kind: EventType,
    *,
    person_id: str,
    sid: str,
    now: datetime,
) -> NoReturn:
    event = Event(type=kind, outcome=Outcome.FAILURE, reason=error.code, subject=person_id, session_id=sid)
    services.journal.refuse(session, event, error, now=now)


def _tell(session: Session, services: IdpServices, person: Person, change: str, kind: str, *, now: datetime) -> None:
    context = {"change": change, "kind": kind}
    notify_everywhere(
        session, services=services, person=person, template="second_factor_changed", context=context, now=now
    )
