"""Contacts of an application: that somebody reads what is sent there is proved by a code, before it goes live."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.model import ContactCheck
from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.mail_code import MailCodeMismatchError, make_mail_code, require_mail_code
from idp.clients.client import Client, hold_client
from idp.notices.mail import send_mail
from idp.services import IdpServices
from kernel.errors import Conflict, Rejected
from kernel.identifiers import new_id

#: After so long another five codes may be sent to an address.
_AGAIN = timedelta(days=1)


def confirmed_contacts(session: Session, client: Client) -> frozenset[str]:
    """Return those of its contacts that somebody answered for, at this application."""
    found = session.scalars(
        select(ContactCheck.address).where(
            ContactCheck.client_id == client.client_id, ContactCheck.confirmed_at.is_not(None)
        )
    )
    return frozenset(found) & frozenset(client.metadata.contacts)


def send_contact_code(
    session: Session, *, services: IdpServices, client: Client, address: str, actor: str, now: datetime
) -> None:
    """Send a code to one of its contacts; the one before it dies. The caller saw that ``actor`` looks after it.

    :raises Rejected: (``not_a_contact``): no way to send mails to strangers.
    :raises Throttled: ``resend_too_soon``. :raises Conflict: ``resend_limit``.
    """
    client = hold_client(session, client.client_id)
    row = _row(session, client, address)
    if row is None or (row.confirmed_at is None and row.asked_at <= now - _AGAIN):
        row = session.merge(
            ContactCheck(client_id=client.client_id, address=address, id=new_id(), asked_at=now, confirmed_at=None)
        )
        session.flush()
    code = make_mail_code(session, services=services, journey_id=row.id, now=now)
    send_mail(
        session,
        services=services,
        to=address,
        locale="es",
        template="application_contact_code",
        context={"application": client.name, "code": code},
        person_id=None,
        now=now,
    )
    kind = EventType.APPLICATION_CONTACT_ASKED
    event = Event(type=kind, actor=actor, client_id=client.client_id, object_id=row.id)
    services.journal.record(session, event, now=now)


def confirm_contact(
    session: Session, *, services: IdpServices, client: Client, address: str, code: str, actor: str, now: datetime
) -> None:
    """Take the code that came to a contact.

    :raises Rejected: ``not_a_contact``, ``code_missing``; ``wrong_mail_code``, on record, with its try counted.
    :raises Conflict: (``mail_code_dead``).
    """
    client = hold_client(session, client.client_id)
    row = _row(session, client, address)
    if row is None:
        raise Conflict("No code was sent there.", code="mail_code_dead")
    kind = EventType.APPLICATION_CONTACT_CONFIRMED
    try:
        require_mail_code(session, services=services, journey_id=row.id, code=code, now=now)
    except MailCodeMismatchError as error:
        event = Event(
            type=kind,
            outcome=Outcome.FAILURE,
            reason=error.code,
            actor=actor,
            client_id=client.client_id,
            object_id=row.id,
        )
        services.journal.refuse(session, event, error, now=now)
    row.confirmed_at = now
    services.journal.record(
        session, Event(type=kind, actor=actor, client_id=client.client_id, object_id=row.id), now=now
    )


def _row(session: Session, client: Client, address: str) -> ContactCheck | None:
    if address not in client.metadata.contacts:
        raise Rejected("This is none of its contacts.", code="not_a_contact")
    return session.get(ContactCheck, (client.client_id, address))
