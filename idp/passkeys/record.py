"""What is put on record, told to the person and announced to services when something becomes of a passkey."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import Person, find_person
from idp.events.announcement import announce_to_services
from idp.notices.notify import notify_everywhere
from idp.passkeys.model import PasskeyRow
from idp.passkeys.passkey import Passkey
from idp.protocol.security_event import credential_change
from idp.services import IdpServices


def record_change(
    session: Session,
    services: IdpServices,
    kind: EventType,
    *,
    person_id: str,
    passkey_id: str,
    sid: str | None,
    in_device: bool,
    now: datetime,
) -> None:
    """Put on record that a passkey was registered or removed; services that the person uses are told (CAEP §3.3).

    :param in_device: its authenticator is part of a device, no key that one carries.
    """
    event = Event(type=kind, subject=person_id, object_id=passkey_id, session_id=sid)
    event_id = services.journal.record(session, event, now=now)
    change = credential_change(
        credential="fido2-platform" if in_device else "fido2-roaming",
        change="create" if kind is EventType.PASSKEY_REGISTERED else "delete",
        now=now,
    )
    announce_to_services(session, change, person_id=person_id, event_id=event_id, now=now)


def tell(session: Session, services: IdpServices, person: Person, change: str, name: str, *, now: datetime) -> None:
    """Write to the person. :param change: ``added``, ``removed``, ``flagged``, ``password_removed``."""
    notify_everywhere(
        session,
        services=services,
        person=person,
        template="passkey_changed",
        context={"change": change, "passkey": name},
        now=now,
    )


def flag_passkey(session: Session, services: IdpServices, passkey: Passkey, *, now: datetime) -> None:
    """Let a passkey whose counter went back open nothing any more; its person hears of it and decides."""
    flagged = session.execute(
        update(PasskeyRow)
        .where(PasskeyRow.id == passkey.id, PasskeyRow.flagged_at.is_(None))
        .values(flagged_at=now)
        .returning(PasskeyRow.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if flagged is None:
        return
    event = Event(
        type=EventType.PASSKEY_FLAGGED,
        outcome=Outcome.REFUSED,
        reason="counter",
        subject=passkey.person_id,
        actor="service",
        object_id=passkey.id,
    )
    services.journal.record(session, event, now=now)
    tell(session, services, find_person(session, passkey.person_id), "flagged", passkey.name, now=now)
