"""A logged-in person confirms his e-mail address, or changes it: nothing changes before the new mailbox answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.identity import mask_email
from idp.accounts.mail_code import MailCodeMismatchError, make_mail_code, require_mail_code
from idp.accounts.model import EmailConfirmationRow, PasswordResetRow, PersonRow
from idp.accounts.person import Person, find_person, hold_person
from idp.authentication.mail_limits import count_mail
from idp.notices.mail import send_mail
from idp.notices.notify import notify_everywhere
from idp.services import IdpServices
from kernel.errors import Conflict, Rejected
from kernel.identifiers import new_id

CONFIRMATION_LIFETIME = timedelta(hours=1)
_REPEATED_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True)
class EmailConfirmation:
    """An address that waits for the code sent to it."""

    id: str
    email: str


def start_email_confirmation(
    session: Session, *, services: IdpServices, person: Person, email: str, now: datetime
) -> EmailConfirmation:
    """Send a code to ``email`` (made valid by ``parse_email``); an earlier confirmation dies.

    The same address again within a minute is a double submit, and the same confirmation.

    :raises Rejected: (``email_same``) if it is the person's address and confirmed.
    :raises Throttled: (``too_many_tries``) after six mails within an hour.
    """
    if email == person.email and person.email_verified:
        raise Rejected("This is your address already.", code="email_same")
    # First, because its counter is locked: of two submissions at once the second finds the first one's row.
    _count(session, services, person, now=now)
    earlier = session.get(EmailConfirmationRow, person.id)
    if (
        earlier is not None
        and earlier.email == email
        and earlier.expires_at > now + CONFIRMATION_LIFETIME - _REPEATED_WITHIN
    ):
        return EmailConfirmation(earlier.id, earlier.email)
    row = session.merge(
        EmailConfirmationRow(person_id=person.id, id=new_id(), email=email, expires_at=now + CONFIRMATION_LIFETIME)
    )
    session.flush()
    _send_code(session, services, row, person, now=now)
    return EmailConfirmation(row.id, row.email)


def find_email_confirmation(session: Session, *, person_id: str, now: datetime) -> EmailConfirmation | None:
    """Return what the person has yet to confirm, if anything."""
    row = session.get(EmailConfirmationRow, person_id)
    return EmailConfirmation(row.id, row.email) if row is not None and row.expires_at > now else None


def resend_email_code(session: Session, *, services: IdpServices, person: Person, now: datetime) -> None:
    """Send a new code; the older one dies.

    :raises Conflict: (``nothing_to_confirm``, ``resend_limit``); :raises Throttled: within a minute, or too many.
    """
    row = _load(session, person.id, now=now)
    _count(session, services, person, now=now)
    _send_code(session, services, row, person, now=now)


def confirm_email(session: Session, *, services: IdpServices, person: Person, code: str, now: datetime) -> Person:
    """Check the code and make the address the person's, once; a former address is told.

    Open resets of the password die: their codes went to the former address.

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
    email, journey = row.email, row.id
    won = session.execute(
        delete(EmailConfirmationRow)
        .where(EmailConfirmationRow.person_id == person.id, EmailConfirmationRow.id == journey)
        .returning(EmailConfirmationRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise Conflict("There is nothing to confirm.", code="nothing_to_confirm")
    session.execute(
        update(PersonRow)
        .where(PersonRow.id == person.id)
        .values(email=email, email_verified_at=now, updated_at=now)
        .execution_options(synchronize_session="fetch")
    )
    services.journal.record(
        session,
        Event(type=EventType.CONTACT_VERIFIED, subject=person.id, object_id=journey, private={"email": email}),
        now=now,
    )
    if email != person.email:
        _change(session, services, person, email, now=now)
    return find_person(session, person.id)


def _change(session: Session, services: IdpServices, person: Person, email: str, *, now: datetime) -> None:
    services.journal.record(
        session,
        Event(
            type=EventType.ACCOUNT_UPDATED,
            subject=person.id,
            details={"changed": ["email"]},
            private={"email": email, "former_email": person.email},
        ),
        now=now,
    )
    session.execute(
        delete(PasswordResetRow).where(PasswordResetRow.person_id == person.id, PasswordResetRow.finished_at.is_(None))
    )
    # ``person`` still has the former address: that mailbox is told, and the telephone, whoever reads the new one.
    notify_everywhere(
        session,
        services=services,
        person=person,
        template="email_changed",
        context={"email": mask_email(email)},
        now=now,
    )


def _count(session: Session, services: IdpServices, person: Person, *, now: datetime) -> None:
    # By person, whatever the addresses: an account is no way to send mails to strangers.
    count_mail(session, services, f"account:{person.id}", owner=person.id, now=now)


def _send_code(
    session: Session, services: IdpServices, row: EmailConfirmationRow, person: Person, *, now: datetime
) -> None:
    code = make_mail_code(session, services=services, journey_id=row.id, now=now)
    send_mail(
        session,
        services=services,
        to=row.email,
        locale=person.locale,
        template="email_code",
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
            private={"email": row.email},
        ),
        now=now,
    )


def _load(session: Session, person_id: str, *, now: datetime) -> EmailConfirmationRow:
    row = session.get(EmailConfirmationRow, person_id)
    if row is None or row.expires_at <= now:
        raise Conflict("There is nothing to confirm.", code="nothing_to_confirm")
    return row
