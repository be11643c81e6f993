"""Deliveries that are not done yet: queued with their cause, seen and repeated by the administrator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from kernel.errors import NotFound
from kernel.outbox import OutboxTask, enqueue, try_again_now


@dataclass(frozen=True)
class QueuedDelivery:
    """A delivery that waits or was given up.

    :ivar attempts: that were begun.
    :ivar last_error: code of the last failure; None before the first.
    :ivar next_attempt_at: None if it was given up.
    """

    id: str
    kind: str
    client_id: str
    host: str
    attempts: int
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    given_up_at: datetime | None


def queue_delivery(
    session: Session,
    *,
    kind: str,
    client_id: str,
    url: str,
    payload: Mapping[str, str],
    now: datetime,
    person_id: str | None = None,
    sid: str | None = None,
) -> str:
    """Queue a delivery of ``kind`` (``idp.…``) to ``url`` with the caller's transaction; return its id.

    :param url: where it goes now; its host is what the administrator sees, and what a pause after a failure is about.
        The message names its own URL when it is made.
    :param payload: ids only. Nothing that is secret, nothing that is signed: that is made at each attempt.
    """
    host = urlsplit(url).netloc.rpartition("@")[2].lower()[:200]
    ids = {"client_id": client_id, "host": host, "person_id": person_id, "sid": sid, **payload}
    # An application's own: another one on the same host (a gateway) does not wait for this one's failures.
    return enqueue(session, kind, ids, now=now, destination=f"{client_id}@{host}")


def list_deliveries(
    session: Session,
    *,
    kinds: Sequence[str],
    limit: int,
    offset: int = 0,
    client_id: str = "",
    given_up: bool | None = None,
) -> list[QueuedDelivery]:
    """Return deliveries of ``kinds``, those that were given up first, then by the time of the next attempt.

    :param client_id: of these to one application; empty: to all.
    :param given_up: only those that were given up, or only those that still wait.
    """
    rows = session.scalars(
        select(OutboxTask)
        .where(*_conditions(kinds, client_id, given_up))
        .order_by(OutboxTask.given_up_at.is_(None), OutboxTask.due_at, OutboxTask.id)
        .limit(limit)
        .offset(offset)
    )
    return [_as_delivery(row) for row in rows]


def newest_deliveries(session: Session, *, kinds: Sequence[str], limit: int, before: str = "") -> list[QueuedDelivery]:
    """Return the newest deliveries of ``kinds``. :param before: an id: those before it."""
    wanted = select(OutboxTask).where(*_conditions(kinds, "", None)).order_by(OutboxTask.id.desc()).limit(limit)
    if before:
        wanted = wanted.where(OutboxTask.id < before)
    return [_as_delivery(row) for row in session.scalars(wanted)]


def count_deliveries(
    session: Session, *, kinds: Sequence[str], client_id: str = "", given_up: bool | None = None
) -> int:
    """Return how many ``list_deliveries`` has without a limit."""
    wanted = select(func.count()).select_from(OutboxTask).where(*_conditions(kinds, client_id, given_up))
    return session.scalar(wanted) or 0


def count_given_up(session: Session, *, kinds: Sequence[str]) -> int:
    """Return how many deliveries of ``kinds`` were given up."""
    return (
        session.scalar(
            select(func.count())
            .select_from(OutboxTask)
            .where(OutboxTask.kind.in_(kinds), OutboxTask.given_up_at.is_not(None))
        )
        or 0
    )


def find_delivery(session: Session, *, delivery_id: str, kinds: Sequence[str]) -> QueuedDelivery:
    """Return one. :raises NotFound: (``unknown_task``) if it is done, or is no delivery."""
    row = session.get(OutboxTask, delivery_id)
    if row is None or row.kind not in kinds:
        raise NotFound("There is no such delivery: it is done.", code="unknown_task")
    return _as_delivery(row)


def repeat_delivery(
    session: Session, *, journal: Journal, delivery_id: str, kinds: Sequence[str], actor: str, now: datetime
) -> QueuedDelivery:
    """Make a delivery due at once, with all its attempts before it again; on record. Return it as it is then.

    :raises NotFound: (``unknown_task``) if it is done, or is no delivery.
    :raises Conflict: (``task_in_progress``) if it is being sent right now.
    """
    row = session.get(OutboxTask, delivery_id)
    if row is None or row.kind not in kinds:
        raise NotFound("There is no such delivery: it is done.", code="unknown_task")
    found = _as_delivery(row)
    try_again_now(session, task_id=delivery_id, now=now)
    event = Event(
        type=EventType.DELIVERY_REPEATED,
        actor=actor,
        client_id=found.client_id,
        object_id=found.id,
        details={"kind": found.kind, "host": found.host, "attempt": found.attempts},
    )
    journal.record(session, event, now=now)
    session.refresh(row)
    return _as_delivery(row)


def drop_old_deliveries(session: Session, *, kinds: Sequence[str], before: datetime) -> int:
    """Delete deliveries that were given up before ``before``; return how many. Their events stay."""
    done = session.execute(
        delete(OutboxTask).where(OutboxTask.kind.in_(kinds), OutboxTask.given_up_at < before).returning(OutboxTask.id)
    )
    return len(done.all())


def _as_delivery(row: OutboxTask) -> QueuedDelivery:
    return QueuedDelivery(
        id=row.id,
        kind=row.kind,
        client_id=row.payload.get("client_id", ""),
        host=row.payload.get("host", ""),
        attempts=row.attempts,
        last_error=row.last_error,
        created_at=row.created_at,
        next_attempt_at=None if row.given_up_at else row.due_at,
        given_up_at=row.given_up_at,
    )


def _conditions(kinds: Sequence[str], client_id: str, given_up: bool | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [OutboxTask.kind.in_(kinds)]
    if client_id:  # by its index: a destination is CLIENT@HOST
        conditions.append(OutboxTask.destination.startswith(f"{client_id}@", autoescape=True))
    if given_up is not None:
        conditions.append(OutboxTask.given_up_at.is_not(None) if given_up else OutboxTask.given_up_at.is_(None))
    return conditions
