"""A person has the account erased: asked for, thought over, done by the worker (LOPDP Art. 15).

Days lie between asking and doing, so that who took over an account cannot destroy it before its owner reads a mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.life import erase_person
from idp.accounts.model import DeletionRow
from idp.accounts.person import ERASED, Person, contact_of, find_person, hold_person
from idp.notices.contacts import send_to
from idp.notices.notify import notify_everywhere
from idp.services import IdpServices
from kernel.errors import Conflict
from kernel.worker import PeriodicJob

_log = structlog.get_logger("sau.deletion")
REMINDED_BEFORE = timedelta(days=1)
_AT_ONCE = 50
_MAINLAND = ZoneInfo("America/Guayaquil")


@dataclass(frozen=True)
class Deletion:
    """An account that is to be erased at ``due_at``."""

    requested_at: datetime
    due_at: datetime


def find_deletion(session: Session, person_id: str) -> Deletion | None:
    """Return what the person asked for, if anything."""
    row = session.get(DeletionRow, person_id)
    return Deletion(row.requested_at, row.due_at) if row is not None else None


def request_deletion(session: Session, *, services: IdpServices, person: Person, now: datetime) -> Deletion:
    """Note that the account is to be erased after the days of ``SAU_DELETION_DAYS``; a second submit changes nothing.

    The caller has checked a recent step-up. :raises Conflict: (``has_duties``) for who holds a role, on record.
    """
    if services.duties.of(session, person.id):
        event = Event(type=EventType.DELETION_REFUSED, outcome=Outcome.REFUSED, reason="has_duties", subject=person.id)
        error = Conflict("Hand over your duties in the service first.", code="has_duties")
        services.journal.refuse(session, event, error, now=now)
    due_at = now + timedelta(days=services.settings.deletion_days)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    made = session.execute(
        insert(DeletionRow)
        .values(person_id=person.id, requested_at=now, due_at=due_at, reminded_at=None)
        .on_conflict_do_nothing()
        .returning(DeletionRow.person_id)
    ).scalar_one_or_none()
    if made is None:
        row = session.get_one(DeletionRow, person.id)
        return Deletion(row.requested_at, row.due_at)
    event = Event(type=EventType.DELETION_REQUESTED, subject=person.id, details={"due_at": due_at.isoformat()})
    services.journal.record(session, event, now=now)
    _tell(session, services, person, "deletion_requested", due_at, now=now)
    return Deletion(now, due_at)


def cancel_deletion(session: Session, *, services: IdpServices, person: Person, now: datetime) -> bool:
    """Forget that the account was to be erased; tell whether it was. Whoever is logged in may: it harms nobody."""
    if not _take(session, person.id):
        return False
    services.journal.record(session, Event(type=EventType.DELETION_CANCELLED, subject=person.id), now=now)
    _tell(session, services, person, "deletion_cancelled", now, now=now)
    return True


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the job that erases what is due."""
    return [PeriodicJob("idp.deletions", timedelta(minutes=5), lambda: erase_due(services))]


def erase_due(services: IdpServices) -> None:
    """Remind who is erased tomorrow, and erase who is due, each in a transaction of its own.

    All of one erasure (certificates, what services are told, data, key) commits together: a crash leaves either the
    request, which the next run takes, or nothing.
    """
    now = services.clock.now()
    _remind(services, now=now)
    with services.database.reading() as session:
        due = session.scalars(
            select(DeletionRow.person_id).where(DeletionRow.due_at <= now).order_by(DeletionRow.due_at).limit(_AT_ONCE)
        ).all()
    for person_id in due:
        try:
            with services.database.transaction() as session:
                _erase(session, services, person_id, now=now)
        except Exception as error:  # one that fails does not keep the others
            _log.warning("deletion_failed", person=person_id, error=type(error).__name__)


def _erase(session: Session, services: IdpServices, person_id: str, *, now: datetime) -> None:
    person = hold_person(session, person_id)
    # Exactly one winner: a cancellation at the same moment, or another worker.
    if not _take(session, person_id, due_at=now) or person.status == ERASED:
        return
    if services.duties.of(session, person_id):
        event = Event(
            type=EventType.DELETION_CANCELLED, subject=person_id, actor="worker", details={"because": "has_duties"}
        )
        services.journal.record(session, event, now=now)
        _tell(session, services, person, "deletion_stopped", now, now=now)
        return
    erase_person(session, services=services, person_id=person_id, actor=person_id, now=now)
    contact = contact_of(person)
    if contact is not None:
        # The last one, about nobody any more: it is not kept with a person.
        send_to(
            session,
            services=services,
            contact=contact,
            locale=person.locale,
            template="deletion_done",
            context={},
            person_id=None,
            now=now,
        )


def _remind(services: IdpServices, *, now: datetime) -> None:
    with services.database.transaction() as session:
        rows = session.execute(
            update(DeletionRow)
            .where(
                DeletionRow.reminded_at.is_(None),
                DeletionRow.due_at <= now + REMINDED_BEFORE,
                DeletionRow.due_at > now,
                # Who has just been written to is not reminded.
                DeletionRow.requested_at <= now - REMINDED_BEFORE,
            )
            .values(reminded_at=now)
            .returning(DeletionRow.person_id, DeletionRow.due_at)
        ).all()
        for person_id, due_at in rows:
            person = find_person(session, person_id)
            _tell(session, services, person, "deletion_tomorrow", due_at, now=now)


def _take(session: Session, person_id: str, *, due_at: datetime | None = None) -> bool:
    """Delete the request, of any age or only one that is due; exactly one caller is told that it did."""
    statement = delete(DeletionRow).where(DeletionRow.person_id == person_id)
    if due_at is not None:
        statement = statement.where(DeletionRow.due_at <= due_at)
    return session.execute(statement.returning(DeletionRow.person_id)).scalar_one_or_none() is not None


def _tell(
    session: Session, services: IdpServices, person: Person, template: str, due_at: datetime, *, now: datetime
) -> None:
    day = due_at.astimezone(_MAINLAND).strftime("%d/%m/%Y %H:%M")
    notify_everywhere(session, services=services, person=person, template=template, context={"due": day}, now=now)
