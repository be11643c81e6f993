"""The transaction's promises, on each database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from kernel.database import Database
from kernel.errors import Rejected
from kernel.outbox import OutboxTask, enqueue

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def _count(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(OutboxTask)) or 0


def test_commits_what_a_transaction_wrote(database: Database) -> None:
    """A block that ends well is durable."""
    with database.transaction() as session:
        enqueue(session, "mail", {}, now=NOW)
    assert _count(database) == 1


def test_rolls_back_when_the_block_raises(database: Database) -> None:
    """An error leaves nothing behind."""
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        enqueue(session, "mail", {}, now=NOW)
        session.flush()
        _ = 1 / 0
    assert _count(database) == 0


@pytest.mark.parametrize("commits", [True, False])
def test_a_refusal_is_committed_only_when_it_says_so(database: Database, commits: bool) -> None:
    """The event of a refusal is durable before anyone hears of it (architecture, "Evidence")."""
    with pytest.raises(Rejected), database.transaction() as session:
        enqueue(session, "mail", {}, now=NOW)
        raise Rejected("no", commits=commits)
    assert _count(database) == int(commits)


def test_reading_leaves_no_trace(database: Database) -> None:
    """What a reader writes by mistake is rolled back."""
    with database.reading() as session:
        enqueue(session, "mail", {}, now=NOW)
        session.flush()
    assert _count(database) == 0
