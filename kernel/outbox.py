"""Background work as rows: enqueued in the transaction that wants it, done at least once by the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import String, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from kernel.database import Base, Database
from kernel.identifiers import new_id

_log = structlog.get_logger("sau.outbox")

LEASE_LIFETIME = timedelta(minutes=2)
MAX_ATTEMPTS = 12


class OutboxTask(Base):
    """One piece of work. A finished task is deleted; one that failed ``MAX_ATTEMPTS`` times stays for the operator."""

    __tablename__ = "outbox_task"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), index=True)
    payload: Mapped[dict[str, Any]]
    due_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))


@dataclass(frozen=True)
class Task:
    """What a handler gets: ``id`` is stable across retries, so it serves as an idempotency key."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int


Handler = Callable[[Task], None]


def enqueue(
    session: Session, kind: str, payload: dict[str, Any], *, now: datetime, due_at: datetime | None = None
) -> str:
    """Add work of ``kind`` to the caller's transaction and return its id. ``payload`` is JSON without clear secrets."""
    task = OutboxTask(id=new_id(), kind=kind, payload=payload, due_at=due_at or now, created_at=now)
    session.add(task)
    return task.id


def run_due(database: Database, handlers: Mapping[str, Handler], *, now: datetime, limit: int = 50) -> int:
    """Do the work that is due, each task under a lease that exactly one worker holds; return how many were finished.

    A handler that raises is tried again after 2, 4, 8 … seconds, an hour at most, ``MAX_ATTEMPTS`` times in all.

    :param now: when the run begins; leases are counted from when each task is taken, however long the ones before took.
    """
    done = 0
    started = monotonic()
    with database.reading() as session:
        ids = session.scalars(
            select(OutboxTask.id)
            .where(_claimable(now), OutboxTask.kind.in_(handlers))
            .order_by(OutboxTask.due_at)
            .limit(limit)
        ).all()
    for task_id in ids:
        claimed_at = now + timedelta(seconds=monotonic() - started)
        task = _claim(database, task_id, now=claimed_at)
        if task is None:
            continue
        try:
            handlers[task.kind](task)
        except Exception as error:  # whatever a handler raises, the queue goes on
            _log.warning("task_failed", kind=task.kind, task=task.id, attempt=task.attempts, error=type(error).__name__)
            _postpone(database, task, error, now=now + timedelta(seconds=monotonic() - started))
        else:
            with database.transaction() as session:
                session.execute(delete(OutboxTask).where(OutboxTask.id == task.id))
            done += 1
    return done


def _claimable(now: datetime) -> Any:
    free = or_(OutboxTask.leased_until.is_(None), OutboxTask.leased_until <= now)
    return (OutboxTask.due_at <= now) & free & (OutboxTask.attempts < MAX_ATTEMPTS)


def _claim(database: Database, task_id: str, *, now: datetime) -> Task | None:
    with database.transaction() as session:
        row = session.execute(
            update(OutboxTask)
            .where(OutboxTask.id == task_id, _claimable(now))
            .values(leased_until=now + LEASE_LIFETIME, attempts=OutboxTask.attempts + 1)
            .returning(OutboxTask.kind, OutboxTask.payload, OutboxTask.attempts)
        ).one_or_none()
    return Task(id=task_id, kind=row.kind, payload=row.payload, attempts=row.attempts) if row else None


def _postpone(database: Database, task: Task, error: Exception, *, now: datetime) -> None:
    wait = min(timedelta(seconds=2**task.attempts), timedelta(hours=1))
    with database.transaction() as session:
        session.execute(
            update(OutboxTask)
            # If our lease ran out and another worker took the task, its lease is not ours to end.
            .where(OutboxTask.id == task.id, OutboxTask.attempts == task.attempts)
            # The type of the error only: its text may quote the payload.
            .values(leased_until=None, due_at=now + wait, last_error=type(error).__name__[:500])
        )
