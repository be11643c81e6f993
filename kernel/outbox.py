"""Background work as rows: enqueued in the transaction that wants it, done at least once by the worker.

Handlers run outside any transaction. Tasks may share a ``destination``: after one of them has failed there, the others
wait as long as it does, so that a host that is down is asked once in a while and not once for each task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, cast

import structlog
from sqlalchemy import String, Table, bindparam, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from kernel.database import Base, Database
from kernel.errors import Conflict, NotFound, ServiceError
from kernel.identifiers import new_id
from kernel.late_rows import insert_later
from kernel.prefetch import Reading, Want, among
from kernel.prepared import Ask, Prepared

_log = structlog.get_logger("sau.outbox")

LEASE_LIFETIME = timedelta(minutes=2)
MAX_ATTEMPTS = 12
_LONGEST_PAUSE = timedelta(minutes=5)  # of a destination's other tasks


class OutboxTask(Base):
    """One piece of work. A finished task is deleted; one that was given up stays for the operator.

    :ivar destination: what tasks that fail together have in common; none: the task stands alone.
    :ivar last_error: code or type of the last failure, never its text.
    :ivar given_up_at: when no further attempt was worth making, or the last of ``MAX_ATTEMPTS`` had failed.
    """

    __tablename__ = "outbox_task"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), index=True)
    payload: Mapped[dict[str, Any]]
    due_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
    destination: Mapped[str | None] = mapped_column(String(300), index=True)
    given_up_at: Mapped[datetime | None]


_TABLE = cast(Table, OutboxTask.__table__)


@dataclass(frozen=True)
class Task:
    """What a handler gets: ``id`` is stable across retries, so it serves as an idempotency key."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int

    @property
    def is_last_attempt(self) -> bool:
        """Whether a failure now is the end."""
        return self.attempts >= MAX_ATTEMPTS


class GiveUp(Exception):
    """What a handler raises when trying again cannot help.

    :param reason: a code, kept as the task's last error.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Handler = Callable[[Task], None]


def enqueue(
    session: Session,
    kind: str,
    payload: dict[str, Any],
    *,
    now: datetime,
    due_at: datetime | None = None,
    destination: str | None = None,
) -> str:
    """Add work of ``kind`` to the caller's transaction and return its id. ``payload`` is JSON without clear secrets."""
    task_id = new_id()
    insert_later(
        session,
        _TABLE,
        {
            "id": task_id,
            "kind": kind,
            "payload": payload,
            "due_at": due_at or now,
            "created_at": now,
            "attempts": 0,
            "destination": destination,
        },
    )
    return task_id


_WITHDRAWN = Prepared(
    lambda _: (
        delete(OutboxTask)
        .where(OutboxTask.id == bindparam("task"))
        .returning(OutboxTask.id)
        .execution_options(synchronize_session=False)
    )
)


def withdraw(session: Session, task_id: str) -> None:
    """Take a task back in the caller's transaction: what it was for is done. One that is gone is no error.

    The task was enqueued by another transaction.
    """
    _WITHDRAWN.fetch(session, {"task": task_id})


def wants_withdrawn(task_id: str) -> Want:
    """Return the wish to have :func:`withdraw` done in a transaction, for all that share it."""
    return Want(_withdraw, task_id)


def _withdraw(_session: Session, ids: Sequence[str]) -> Reading:
    yield Ask(_WITHDRAWN_ALL, {"keys": ids})


_WITHDRAWN_ALL = Prepared(
    lambda dialect: (
        delete(OutboxTask)
        .where(among(dialect, OutboxTask.id))
        .returning(OutboxTask.id)
        .execution_options(synchronize_session=False)
    )
)


def put_off(session: Session, task_id: str, *, due_at: datetime) -> None:
    """Have a task that nobody does at the moment done at another time."""
    session.execute(
        update(OutboxTask).where(OutboxTask.id == task_id, OutboxTask.leased_until.is_(None)).values(due_at=due_at)
    )


def try_again_now(session: Session, *, task_id: str, now: datetime) -> None:
    """Make a task due at once, with all its attempts before it again.

    :raises NotFound: (``unknown_task``) if it is done or never was.
    :raises Conflict: (``task_in_progress``) if a worker has it now.
    """
    changed = session.execute(
        update(OutboxTask)
        .where(OutboxTask.id == task_id, _free(now))
        .values(due_at=now, attempts=0, given_up_at=None, leased_until=None)
        .returning(OutboxTask.id)
    ).one_or_none()
    if changed is None:
        if session.get(OutboxTask, task_id) is None:
            raise NotFound("There is no such task: it is done.", code="unknown_task")
        raise Conflict("The task is being done right now.", code="task_in_progress")


def run_due(
    database: Database, handlers: Mapping[str, Handler], *, now: datetime, limit: int = 50, at_once: int = 1
) -> int:
    """Do the work that is due, each task under a lease that exactly one worker holds; return how many were finished.

    A handler that raises is tried again after 2, 4, 8 … seconds, an hour at most, ``MAX_ATTEMPTS`` times in all; one
    that raises :class:`GiveUp` is not.

    :param at_once: how many tasks are in progress side by side: for those that wait for others' servers.
    :param now: when the run begins; leases are counted from when each task is taken, however long the ones before took.
    """
    run = _Run(database, handlers, now)
    with database.reading() as session:
        ids = session.scalars(
            select(OutboxTask.id)
            .where(_claimable(now), OutboxTask.kind.in_(handlers))
            .order_by(OutboxTask.due_at)
            .limit(limit)
        ).all()
    if at_once == 1 or len(ids) < 2:
        return sum(run.do(task_id) for task_id in ids)
    with ThreadPoolExecutor(max_workers=min(at_once, len(ids)), thread_name_prefix="outbox") as threads:
        return sum(threads.map(lambda task_id: copy_context().run(run.do, task_id), ids))


class _Run:
    def __init__(self, database: Database, handlers: Mapping[str, Handler], now: datetime) -> None:
        self._database = database
        self._handlers = handlers
        self._began_at = now
        self._began = monotonic()

    def _now(self) -> datetime:
        return self._began_at + timedelta(seconds=monotonic() - self._began)

    def do(self, task_id: str) -> bool:
        """Do one task if it is still to be had; return whether it was finished."""
        task = _claim(self._database, task_id, now=self._now())
        if task is None:
            return False
        try:
            self._handlers[task.kind](task)
        except Exception as error:  # whatever a handler raises, the queue goes on
            reason = _reason(error)
            _log.warning("task_failed", kind=task.kind, task=task.id, attempt=task.attempts, error=reason)
            given_up = task.is_last_attempt or isinstance(error, GiveUp)
            _postpone(self._database, task, reason, given_up=given_up, now=self._now())
            return False
        with self._database.transaction() as session:
            session.execute(delete(OutboxTask).where(OutboxTask.id == task.id))
        return True


def _free(now: datetime) -> Any:
    return or_(OutboxTask.leased_until.is_(None), OutboxTask.leased_until <= now)


def _claimable(now: datetime) -> Any:
    # Attempts are counted when they begin: a task that kills its worker is not tried for ever.
    waiting = OutboxTask.given_up_at.is_(None) & (OutboxTask.attempts < MAX_ATTEMPTS)
    return (OutboxTask.due_at <= now) & _free(now) & waiting


def _reason(error: Exception) -> str:
    """A code or the type of the error: its text may quote the payload."""
    if isinstance(error, GiveUp):
        return error.reason[:500]
    return (error.code if isinstance(error, ServiceError) else type(error).__name__)[:500]


def _claim(database: Database, task_id: str, *, now: datetime) -> Task | None:
    with database.transaction() as session:
        row = session.execute(
            update(OutboxTask)
            .where(OutboxTask.id == task_id, _claimable(now))
            .values(leased_until=now + LEASE_LIFETIME, attempts=OutboxTask.attempts + 1)
            .returning(OutboxTask.kind, OutboxTask.payload, OutboxTask.attempts)
        ).one_or_none()
    return Task(id=task_id, kind=row.kind, payload=row.payload, attempts=row.attempts) if row else None


def _postpone(database: Database, task: Task, reason: str, *, given_up: bool, now: datetime) -> None:
    wait = min(timedelta(seconds=2**task.attempts), timedelta(hours=1))
    with database.transaction() as session:
        destination = session.execute(
            update(OutboxTask)
            # If our lease ran out and another worker took the task, its lease is not ours to end.
            .where(OutboxTask.id == task.id, OutboxTask.attempts == task.attempts)
            .values(leased_until=None, due_at=now + wait, last_error=reason, given_up_at=now if given_up else None)
            .returning(OutboxTask.destination)
        ).scalar_one_or_none()
        if destination is not None and not given_up:
            _pause(session, destination, until=now + min(wait, _LONGEST_PAUSE), now=now)


def _pause(session: Session, destination: str, *, until: datetime, now: datetime) -> None:
    """Let the tasks that wait for ``destination`` wait until then; those in progress go on."""
    waiting = session.scalars(
        select(OutboxTask.id)
        .where(OutboxTask.destination == destination, OutboxTask.due_at < until, _free(now))
        .order_by(OutboxTask.id)
        # Several that fail at once would wait for each other's rows; what another one pauses need not be paused twice.
        .with_for_update(skip_locked=True)
    ).all()
    session.execute(update(OutboxTask).where(OutboxTask.id.in_(waiting)).values(due_at=until))
