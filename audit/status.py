"""How the log is doing: for readiness, `sau doctor` and the console."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.model import AUDIT_TABLES, LogTables
from audit.tree_store import find_head, latest_checkpoint

BEHIND_AFTER = timedelta(seconds=30)


@dataclass(frozen=True)
class LogStatus:
    """The log's state.

    :ivar waiting: committed entries without a place. ``behind``: how old the oldest of them is, zero if there is none.
    """

    origin: str | None
    size: int
    root: bytes | None
    signed_at: datetime | None
    waiting: int
    behind: timedelta

    @property
    def healthy(self) -> bool:
        """Whether events get their place in time; if not, no sequencer runs or the log is damaged."""
        return self.behind < BEHIND_AFTER


def log_status(session: Session, *, now: datetime, tables: LogTables = AUDIT_TABLES) -> LogStatus:
    """Return the state of a log."""
    head, checkpoint, entry = find_head(session, tables), latest_checkpoint(session, tables), tables.entry
    waiting, oldest = session.execute(
        select(func.count(), func.min(entry.occurred_at)).where(entry.log_index.is_(None))
    ).one()
    return LogStatus(
        origin=head.origin if head else None,
        size=head.size if head else 0,
        root=head.root if head else None,
        signed_at=checkpoint.signed_at if checkpoint else None,
        waiting=waiting,
        behind=max(timedelta(0), now - oldest) if oldest else timedelta(0),
    )
