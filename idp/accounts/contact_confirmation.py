"""A logged-in person confirms a mailbox or a telephone, or changes it: nothing changes before the new one answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.identity import mask_email
from idp.accounts.mail_code import MailCodeMismatchError, make_mail_code, require_mail_code
from idp.accounts.model import EmailConfirmationRow, PasswordResetRow, PersonRow, PhoneConfirmationRow
from idp.accounts.person import Person, find_person, hold_person
from idp.accounts.phone import mask_phone
from idp.authentication.mail_limits import count_mail
from idp.authentication.phone_recovery import drop_phone_recovery
from idp.authentication.sms_limits import count_sms
from idp.codes.sent_code import remove_sent_codes
from idp.notices.mail import send_mail
from idp.notices.notify import notify_everywhere
from idp.notices.sms import send_sms
from idp.services import IdpServices
from idp.ussd.pin import drop_pin
from kernel.errors import Conflict, Rejected
from kernel.identifiers import new_id

CONFIRMATION_LIFETIME = timedelta(hours=1)
_REPEATED_WITHIN = timedelta(minutes=1)


class Contact(Enum):
    """Where a person can be reached; the value is the attribute of a person and of what waits, its column's name."""

    EMAIL = "email"
    PHONE = "phone"

    def of(self, person: Person) -> str:
        """Return the person's present one, empty without."""
        return (person.email if self is Contact.EMAIL else person.phone) or ""

    def is_confirmed(self, person: Person) -> bool:
        """Tell whether the present one has answered."""
        return person.email_verified if self is Contact.EMAIL else person.phone_verified


# What waits, by contact: tables of one shape.
_ROWS: dict[Contact, Any] = {Contact.EMAIL: EmailConfirmationRow, Contact.PHONE: PhoneConfirmationRow}
_SAME = {
    Contact.EMAIL: ("This is your address already.", "email_same"),
    Contact.PHONE: ("This is your telephone already.", "phone_same"),
}


@dataclass(frozen=True)
class Confirmation:
    """A mailbox or telephone that waits for the code sent to it.

    :ivar to: its address or number.
    """

    id: str
    to: str


def start_confirmation(
    session: Session, *, services: IdpServices, person: Person, contact: Contact, to: str, now: datetime
) -> Confirmation:
    """Send a code to ``to`` (made valid by ``parse_email`` or ``parse_phone``); an earlier confirmation dies.

    The same one again within a minute is a double submit, and the same confirmation.

    :raises Rejected: (``email_same``, ``phone_same``) if it is the person's own and confirmed.
    :raises Throttled: (``too_many_tries``) after six messages within an hour.
    """
    if to == contact.of(person) and contact.is_confirmed(person):
        told, code = _SAME[contact]
        raise Rejected(told, code=code)
    # First, because its counter is locked: of two submissions at once the second finds the first one's row.
    _count(session, services, contact, person, to, now=now)
    kind = _ROWS[contact]
    earlier = session.get(kind, person.id)
    repeated = earlier is not None and earlier.expires_at > now + CONFIRMATION_LIFETIME - _REPEATED_WITHIN
    if repeated and _to(contact, earlier) == to:
        return _confirmation(contact, earlier)
    row = session.merge(
        kind(person_id=person.id, id=new_id(), expires_at=now + CONFIRMATION_LIFETIME, **{contact.value: to})
    )
    session.flush()
    _send_code(session, services, contact, row, person, now=now)
    return _confirmation(contact, row)


def find_confirmation(session: Session, *, contact: Contact, person_id: str, now: datetime) -> Confirmation | None:
    """Return what the person has yet to confirm, if anything."""
    row = session.get(_ROWS[contact], person_id)
    return _confirmation(contact, row) if row is not None and row.expires_at > now else None


def resend_code(session: Session, *, services: IdpServices, person: Person, contact: Contact, now: datetime) -> None:
    """Send a new code; the older one dies.

    :raises Conflict: (``nothing_to_confirm``, ``resend_limit``); :raises Throttled: within a minute, or too many.
    """
    row = _load(session, contact, person.id, now=now)
    _count(session, services, contact, person, _to(contact, row), now=now)
    _send_code(session, services, contact, row, person, now=now)


def confirm_contact(
    session: Session, *, services: IdpServices, person: Person, contact: Contact, code: str, now: datetime
) -> Person:
    """Check the code and make what answered the person's, once; of a change all his contacts are told, the former too.

    Open resets of the password die then: their codes may have gone to the former one.

    :raises Rejected: (``code_missing``), :raises MailCodeMismatchError: with its try counted,
    :raises Conflict: (``nothing_to_confirm``, ``mail_code_dead``).
    """
    person = hold_person(session, person.id)
    row = _load(session, contact, person.id, now=now)
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
    to, journey, kind = _to(contact, row), row.id, _ROWS[contact]
    won = session.execute(
        delete(kind).where(kind.person_id == person.id, kind.id == journey).returning(kind.id)
    ).scalar_one_or_none()
    if won is None:
        raise Conflict("There is nothing to confirm.", code="nothing_to_confirm")
    session.execute(
        update(PersonRow)
        .where(PersonRow.id == person.id)
        .values({contact.value: to, f"{contact.value}_verified_at": now, "updated_at": now})
        .execution_options(synchronize_session="fetch")
    )
    services.journal.record(
        session,
        Event(type=EventType.CONTACT_VERIFIED, subject=person.id, object_id=journey, private={contact.value: to}),
        now=now,
    )
    if to != contact.of(person):
        _change(session, services, contact, person, to, now=now)
    return find_person(session, person.id)


def _change(
    session: Session, services: IdpServices, contact: Contact, person: Person, to: str, *, now: datetime
) -> None:
    event = Event(
        type=EventType.ACCOUNT_UPDATED,
        subject=person.id,
        details={"changed": [contact.value]},
        private={contact.value: to, f"former_{contact.value}": contact.of(person)},
    )
    services.journal.record(session, event, now=now)
    session.execute(
        delete(PasswordResetRow).where(PasswordResetRow.person_id == person.id, PasswordResetRow.finished_at.is_(None))
    )
    if contact is Contact.PHONE:
        drop_phone_recovery(session, person_id=person.id)
        drop_pin(session, person_id=person.id)
        # What was sent to the former telephone is worth nothing any more.
        remove_sent_codes(session, person_id=person.id)
    # ``person`` still has the former one: whoever reads that is told, and the other contact, whoever has the new one.
    notify_everywhere(
        session,
        services=services,
        person=person,
        template=f"{contact.value}_changed",
        context={contact.value: mask_email(to) if contact is Contact.EMAIL else mask_phone(to)},
        now=now,
    )


def _count(
    session: Session, services: IdpServices, contact: Contact, person: Person, to: str, *, now: datetime
) -> None:
    # By person, whatever the addresses: an account is no way to send messages to strangers.
    key = f"account:{person.id}"
    if contact is Contact.EMAIL:
        count_mail(session, services, key, owner=person.id, now=now)
    else:
        count_sms(session, services, key, owner=person.id, unconfirmed=to, now=now)


def _send_code(
    session: Session, services: IdpServices, contact: Contact, row: Any, person: Person, *, now: datetime
) -> None:
    code, to = make_mail_code(session, services=services, journey_id=row.id, now=now), _to(contact, row)
    send = send_mail if contact is Contact.EMAIL else send_sms
    send(
        session,
        services=services,
        to=to,
        locale=person.locale,
        template=f"{contact.value}_code",
        context={"code": code},
        person_id=person.id,
        now=now,
    )
    event = Event(
        type=EventType.CONTACT_VERIFICATION_SENT, subject=person.id, object_id=row.id, private={contact.value: to}
    )
    services.journal.record(session, event, now=now)


def _load(session: Session, contact: Contact, person_id: str, *, now: datetime) -> Any:
    row = session.get(_ROWS[contact], person_id)
    if row is None or row.expires_at <= now:
        raise Conflict("There is nothing to confirm.", code="nothing_to_confirm")
    return row


def _confirmation(contact: Contact, row: Any) -> Confirmation:
    return Confirmation(row.id, _to(contact, row))


def _to(contact: Contact, row: Any) -> str:
    to: str = getattr(row, contact.value)
    return to
