"""What a person does with passkeys later: another name, one less, no password beside them; and their end with him."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.model import PasswordRow
from idp.accounts.person import Person, hold_person
from idp.authentication.browser_session import end_sessions_of
from idp.authentication.interaction import forget_passwords_verified
from idp.authentication.password import find_phc
from idp.authentication.recovery_codes import remove_recovery_codes
from idp.authentication.second_factor_kinds import has_second_factor
from idp.events.announcement import announce_to_services
from idp.passkeys.model import PasskeyChallengeRow, PasskeyHolderRow, PasskeyRow
from idp.passkeys.naming import parse_passkey_name
from idp.passkeys.passkey import Passkey, as_passkey, list_passkeys
from idp.passkeys.record import record_change, tell
from idp.protocol.security_event import credential_change
from idp.services import IdpServices
from kernel.errors import Conflict, NotFound, Rejected

#: So many ways in must be left before the password may go.
WAYS_WITHOUT_PASSWORD = 2


def find_passkey(session: Session, *, person_id: str, passkey_id: str) -> Passkey:
    """Return the person's passkey. :raises NotFound: (``unknown_passkey``), another's too."""
    row = session.scalars(
        select(PasskeyRow).where(PasskeyRow.id == passkey_id, PasskeyRow.person_id == person_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such passkey.", code="unknown_passkey")
    return as_passkey(row)


def rename_passkey(
    session: Session, *, services: IdpServices, person: Person, passkey_id: str, name: str, now: datetime
) -> None:
    """Call the passkey something else. :raises NotFound: ``unknown_passkey``. :raises Rejected: ``passkey_name``."""
    name = parse_passkey_name(name)
    if not name:
        raise Rejected("Type a name.", code="passkey_name_missing")
    found = find_passkey(session, person_id=person.id, passkey_id=passkey_id)
    if found.name == name:
        return
    session.execute(update(PasskeyRow).where(PasskeyRow.id == found.id).values(name=name))
    event = Event(type=EventType.PASSKEY_RENAMED, subject=person.id, object_id=found.id)
    services.journal.record(session, event, now=now)


def remove_passkey(
    session: Session, *, services: IdpServices, person: Person, sid: str, passkey_id: str, now: datetime
) -> None:
    """Remove the passkey; other sessions end, a mail says so. The caller has checked a recent step-up.

    :raises NotFound: ``unknown_passkey``. :raises Conflict: (``last_way_in``) for the last one beside no password.
    """
    hold_person(session, person.id)
    found = find_passkey(session, person_id=person.id, passkey_id=passkey_id)
    usable = [each for each in list_passkeys(session, person.id) if each.flagged_at is None and each.id != found.id]
    if not usable and find_phc(session, person.id) is None:
        raise Conflict("There would be no way in.", code="last_way_in")
    removed = session.execute(
        delete(PasskeyRow).where(PasskeyRow.id == found.id).returning(PasskeyRow.transports)
    ).scalar_one()
    record_change(
        session,
        services,
        EventType.PASSKEY_REMOVED,
        person_id=person.id,
        passkey_id=found.id,
        sid=sid,
        in_device="internal" in removed,
        now=now,
    )
    if not has_second_factor(session, person.id):
        remove_recovery_codes(session, person_id=person.id)
    _end_others(session, services, person, sid, now=now)
    tell(session, services, person, "removed", found.name, now=now)


def may_remove_password(session: Session, person_id: str) -> bool:
    """Tell whether enough passkeys are there to do without the password, and there is one to do without."""
    usable = [each for each in list_passkeys(session, person_id) if each.flagged_at is None]
    return len(usable) >= WAYS_WITHOUT_PASSWORD and find_phc(session, person_id) is not None


def remove_password(session: Session, *, services: IdpServices, person: Person, sid: str, now: datetime) -> None:
    """Log in by passkeys alone from now on. The caller has checked a recent step-up.

    What has the password behind it and waits for a second step starts again; other sessions end, a mail says so.
    :raises Conflict: (``too_few_ways_in``).
    """
    hold_person(session, person.id)
    if not may_remove_password(session, person.id):
        raise Conflict("There are too few other ways in.", code="too_few_ways_in")
    session.execute(delete(PasswordRow).where(PasswordRow.person_id == person.id))
    event = Event(type=EventType.PASSWORD_REMOVED, subject=person.id, session_id=sid)
    event_id = services.journal.record(session, event, now=now)
    change = credential_change(credential="password", change="delete", now=now)
    announce_to_services(session, change, person_id=person.id, event_id=event_id, now=now)
    forget_passwords_verified(session, person_id=person.id)
    _end_others(session, services, person, sid, now=now)
    tell(session, services, person, "password_removed", "", now=now)


def remove_every_passkey(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> None:
    """Remove all passkeys of who has lost them, each on record; the caller ends sessions and tells the person."""
    removed = (
        delete(PasskeyRow).where(PasskeyRow.person_id == person_id).returning(PasskeyRow.id, PasskeyRow.transports)
    )
    for passkey_id, transports in session.execute(removed).all():
        record_change(
            session,
            services,
            EventType.PASSKEY_REMOVED,
            person_id=person_id,
            passkey_id=passkey_id,
            sid=None,
            in_device="internal" in transports,
            now=now,
        )


def erase_passkeys(session: Session, *, person_id: str) -> None:
    """Destroy what is kept of the person's passkeys: with the person."""
    for table in (PasskeyRow, PasskeyHolderRow, PasskeyChallengeRow):
        session.execute(delete(table).where(table.person_id == person_id))


def _end_others(session: Session, services: IdpServices, person: Person, sid: str, *, now: datetime) -> None:
    end_sessions_of(
        session,
        journal=services.journal,
        person_id=person.id,
        reason="second_factor_removed",
        except_sid=sid,
        now=now,
    )
