"""A logged-in person confirms a telephone, or changes it: nothing changes before the new one answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.mail_code import MailCodeMismatchError, make_mail_code, require_mail_code
from idp.accounts.model import PasswordResetRow, PersonRow, PhoneConfirmationRow
from idp.accounts.person import Person, find_person, hold_person
from idp.accounts.phone import mask_phone
from idp.authentication.phone_recovery import drop_phone_recovery
from idp.authentication.sms_limits import count_sms
from idp.codes.sent_code import remove_sent_codes
from idp.notices.notify import notify_everywhere
from idp.notices.sms import send_sms
from idp.services import IdpServices
from idp.ussd.pin import drop_pin
from kernel.errors import Conflict, Rejected
from kernel.identifiers import new_id

CONFIRMATION_LIFETIME = timedelta(hours=1)
_REPEATED_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True)
class PhoneConfirmation:
    """A telephone that waits for the code sent to it."""

    id: str
    phone: str


def start_phone_confirmation(
    session: Session, *, services: IdpServices, person: Person, phone: str, now: datetime
) -> PhoneConfirmation:
    """Send a code to ``phone`` (made valid by ``parse_phone``); an earlier confirmation dies.

    The same number again within a minute is a double submit, and the same confirmation.

    :raises Rejected: (``phone_same``) if it is the person's telephone already.
    :raises Throttled: (``too_many_tries``) after six messages within an hour.
    """
    if phone == person.phone and person.phone_verified:
        raise Rejected("This is your telephone already.", code="phone_same")
    # First, because its counter is locked: of two submissions at once the second finds the first one's row.
    _count(session, services, person, phone, now=now)
    earlier = session.get(PhoneConfirmationRow, person.id)
    if (
        earlier is not None
        and earlier.phone == phone
        and earlier.expires_at > now + CONFIRMATION_LIFETIME - _REPEATED_WITHIN
    ):
        return PhoneConfirmation(earlier.id, earlier.phone)
    row = session.merge(
        PhoneConfirmationRow(person_id=person.id, id=new_id(), phone=phone, expires_at=now + CONFIRMATION_LIFETIME)
    )
    session.flush()
    _send_code(session, services, row, person, now=now)
    return PhoneConfirmation(row.id, row.phone)


def find_phone_confirmation(session: Session, *, person_id: str, now: datetime) -> PhoneConfirmation | None:
    """Return what the person has yet to confirm, if anything."""
    row = session.get(PhoneConfirmationRow, person_id)
    return PhoneConfirmation(row.id, row.phone) if row is not None and row.expires_at > now else None


def resend_phone_code(session: Session, *, services: IdpServices, person: Person, now: datetime) -> None:
    """Send a new code; the older one dies.

    :raises Conflict: (``nothing_to_confirm``, ``resend_limit``); :raises Throttled: within a minute, or too many.
    """
    row = _load(session, person.id, now=now)
    _count(session, services, person, row.phone, now=now)
    _send_code(session, services, row, person, now=now)


def confirm_phone(session: Session, *, services: IdpServices, person: Person, code: str, now: datetime) -> Person:
    """Check the code and make the telephone the person's, once; the former one and the mailbox are told.

    Open resets of the password die: their codes may have gone to the former telephone.

    :raises Rejected: (``code_missing``), :raises MailCodeMismatchError: with its try counted,
    :raises Conflict: (``nothing_to_confirm``, ``mail_code_dead``).
    """
    person = hold_person(session, person.id)
    row = _load(session, person.id, now=now)
    try:
        require_mail_code(session, services=services, journey_id=row.id, code=code, now=now)
    except (MailCodeMismatchError, Conflict) as error:
        event = Event(
            type=EventType.CONTACT_VERIFIED,
            outcome=Outcome.FAILURE,
            reason=error.code,
            subject=person.id,
            object_id=row.id,
        )
        services.journal.refuse(session, event, error, now=now)
    phone, journey = row.phone, row.id
    won = session.execute(
        delete(PhoneConfirmationRow)
        .where(PhoneConfirmationRow.person_id == person.id, PhoneConfirmationRow.id == journey)
        .returning(PhoneConfirmationRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise Conflict("There is nothing to confirm.", code="nothing_to_confirm")
    session.execute(
        update(PersonRow)
        .where(PersonRow.id == person.id)
        .values(phone=phone, phone_verified_at=now, updated_at=now)
        .execution_options(synchronize_session="fetch")
    )
    services.journal.record(
        session,
        Event(type=EventType.CONTACT_VERIFIED, subject=person.id, object_id=journey, private={"phone": phone}),
        now=now,
    )
    if phone != person.phone:
        _change(session, services, person, phone, now=now)
    return find_person(session, person.id)


def _change(session: Session, services: IdpServices, person: Person, phone: str, *, now: datetime) -> None:
    services.journal.record(
        session,
        Event(
            type=EventType.ACCOUNT_UPDATED,
            subject=person.id,
            details={"changed": ["phone"]},
            private={"phone": phone, "former_phone": person.phone},
        ),
        now=now,
    )
    session.execute(
        delete(PasswordResetRow).where(PasswordResetRow.person_id == person.id, PasswordResetRow.finished_at.is_(None))
    )
    drop_phone_recovery(session, person_id=person.id)
    drop_pin(session, person_id=person.id)
    # What was sent to the former telephone is worth nothing any more.
    remove_sent_codes(session, person_id=person.id)
    # ``person`` still has the former telephone: that one is told, and the mailbox, whoever has the new one.
    notify_everywhere(
        session,
        services=services,
        person=person,
        template="phone_changed",
        context={"phone": mask_phone(phone)},
        now=now,
    )


def _count(session: Session, services: IdpServices, person: Person, phone: str, *, now: datetime) -> None:
    # By person, whatever the numbers: an account is no way to send messages to strangers, nor are many.
    count_sms(session, services, f"account:{person.id}", owner=person.id, unconfirmed=phone, now=now)


def _send_code(
    session: Session, services: IdpServices, row: PhoneConfirmationRow, person: Person, *, now: datetime
) -> None:
    code = make_mail_code(session, services=services, journey_id=row.id, now=now)
    send_sms(
        session,
        services=services,
        to=row.phone,
        locale=person.locale,
        template="phone_code",
        context={"code": code},
        person_id=person.id,
        now=now,
    )
    services.journal.record(
        session,
        Event(
            type=EventType.CONTACT_VERIFICATION_SENT,
            subject=person.id,
            object_id=row.id,
            private={"phone": row.phone},
        ),
        now=now,
    )


def _load(session: Session, person_id: str, *, now: datetime) -> PhoneConfirmationRow:
    row = session.get(PhoneConfirmationRow, person_id)
    if row is None or row.expires_at <= now:
        raise Conflict("There is nothing to confirm.", code="nothing_to_confirm")
    return row
