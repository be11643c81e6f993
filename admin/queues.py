"""What the service does behind its answers: tasks that wait, the logs' places and seals. Counts alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from audit.model import AUDIT_TABLES
from audit.status import log_status
from ca.transparency.model import LOG_TABLES
from kernel.outbox import MAX_ATTEMPTS, OutboxTask

_LATE = timedelta(minutes=1)
_BEHIND = timedelta(seconds=30)
_STALE = timedelta(minutes=10)
_LOGS = {"audit": AUDIT_TABLES, "certificates": LOG_TABLES}


@dataclass(frozen=True)
class Tasks:
    """Background tasks. :ivar late: due for a minute. :ivar oldest: since when the first of these is due."""

    waiting: int
    late: int
    given_up: int
    oldest: datetime | None


@dataclass(frozen=True)
class Log:
    """A log. :ivar waiting: records without a place. :ivar behind: the age of the oldest. :ivar sealed_at: its head."""

    name: str
    size: int
    waiting: int
    behind: timedelta
    sealed_at: datetime | None

    def is_well(self, now: datetime) -> bool:
        """Whether records get their place and their seal in time."""
        return self.behind < _BEHIND and self.sealed_at is not None and self.sealed_at > now - _STALE


def tasks_of_worker(session: Session, *, now: datetime) -> Tasks:
    """Return the tasks of the background process."""
    given_up = (OutboxTask.attempts >= MAX_ATTEMPTS) | OutboxTask.given_up_at.is_not(None)
    state = case((given_up, "given_up"), (OutboxTask.due_at < now - _LATE, "late"), else_="waiting")
    rows = session.execute(select(state, func.count(), func.min(OutboxTask.due_at)).group_by(state))
    found = {name: (number, oldest) for name, number, oldest in rows}
    none = (0, None)
    late, oldest = found.get("late", none)
    return Tasks(found.get("waiting", none)[0], late, found.get("given_up", none)[0], oldest)


def logs_of_service(session: Session, *, now: datetime) -> list[Log]:
    """Return the state of the log of events and of the log of certificates."""
    found = []
    for name, tables in _LOGS.items():
        status = log_status(session, now=now, tables=tables)
        found.append(Log(name, status.size, status.waiting, status.behind, status.signed_at))
    return found
