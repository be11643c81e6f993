"""A new password by a telephone alone: what a stolen number is worth, and how long it has to stay stolen.

Whoever takes over a number (SIM swap) reads every short message. So a telephone that was changed lately gives no
password; a code by message is never proof twice in one reset; and where nothing else is proved, neither a second factor
nor a device from which the person has logged in before, the new password waits: all contacts are told, a login in the
meantime ends the wait, and the number must still be read at its end. Decision 0045 in docs/decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.model import PersonRow, PhoneRecoveryRow
from idp.accounts.person import Person
from idp.authentication.model import BrowserSessionRow, KnownDeviceRow
from idp.desk.waiting import delay_of
from idp.notices.notify import notify_everywhere
from idp.notices.texts import in_words
from idp.services import IdpServices
from kernel.identifiers import new_id

#: From the end of the wait on, the password can be set this long.
USABLE_FOR = timedelta(days=7)


@dataclass(frozen=True)
class PhoneRecovery:
    """A wait. :ivar ready_at: from when on a new password can be set, until ``expires_at``."""

    id: str
    opened_at: datetime
    ready_at: datetime
    expires_at: datetime

    def is_ready(self, now: datetime) -> bool:
        """Tell whether the wait is over, and the password can be set."""
        return self.ready_at <= now < self.expires_at


def is_resting(session: Session, person: Person, *, days: int, now: datetime) -> bool:
    """Tell whether the person's telephone was added or changed less than ``days`` ago: it gives no password yet.

    The one by which the account was made is as old as the account.
    """
    verified_at = session.scalar(select(PersonRow.phone_verified_at).where(PersonRow.id == person.id))
    if verified_at is None:
        return True
    return verified_at > person.created_at and now < verified_at + timedelta(days=days)


def find_phone_recovery(session: Session, *, person_id: str, now: datetime) -> PhoneRecovery | None:
    """Return the wait that is open, or nothing: none, too old, or somebody has logged in since it began."""
    row = session.get(PhoneRecoveryRow, person_id, populate_existing=True)
    if row is None or row.expires_at <= now or _has_logged_in_since(session, person_id, row.opened_at):
        return None
    return PhoneRecovery(row.id, row.opened_at, row.ready_at, row.expires_at)


def begin_phone_recovery(
    session: Session, *, services: IdpServices, person: Person, reset_id: str, now: datetime
) -> PhoneRecovery:
    """Return the person's open wait, or begin one: all contacts are told. The caller holds the person's row."""
    found = find_phone_recovery(session, person_id=person.id, now=now)
    if found is not None:
        return found
    ready_at = now + delay_of(person.level, hours=services.settings.recovery_delay_hours)
    row = PhoneRecoveryRow(
        person_id=person.id, id=new_id(), opened_at=now, ready_at=ready_at, expires_at=ready_at + USABLE_FOR
    )
    session.merge(row)
    session.flush()
    event = Event(
        type=EventType.PHONE_RECOVERY_OPENED,
        subject=person.id,
        object_id=reset_id,
        details={"waits_hours": int((ready_at - now).total_seconds() // 3600)},
    )
    services.journal.record(session, event, now=now)
    if ready_at > now:
        context = {"ready": in_words(ready_at)}
        notify_everywhere(
            session, services=services, person=person, template="phone_recovery_opened", context=context, now=now
        )
    return PhoneRecovery(row.id, row.opened_at, row.ready_at, row.expires_at)


def use_phone_recovery(session: Session, *, recovery_id: str, person_id: str, now: datetime) -> bool:
    """Use a wait up that is over: tell whether there was one; of any number at once exactly one is told so."""
    found = find_phone_recovery(session, person_id=person_id, now=now)
    if found is None or found.id != recovery_id or not found.is_ready(now):
        return False
    taken = session.execute(
        delete(PhoneRecoveryRow)
        .where(PhoneRecoveryRow.person_id == person_id, PhoneRecoveryRow.id == recovery_id)
        .returning(PhoneRecoveryRow.id)
    ).scalar_one_or_none()
    return taken is not None


def drop_phone_recovery(session: Session, *, person_id: str) -> None:
    """End a wait: another password, another telephone, "no fui yo", the end of the account."""
    session.execute(delete(PhoneRecoveryRow).where(PhoneRecoveryRow.person_id == person_id))


def _has_logged_in_since(session: Session, person_id: str, moment: datetime) -> bool:
    """A session that is over may be cleaned away; the device it was on is remembered longer."""
    statements = (
        select(BrowserSessionRow.sid).where(
            BrowserSessionRow.person_id == person_id, BrowserSessionRow.authenticated_at > moment
        ),
        select(KnownDeviceRow.id).where(KnownDeviceRow.person_id == person_id, KnownDeviceRow.last_used_at > moment),
    )
    return any(session.scalar(statement.limit(1)) is not None for statement in statements)
