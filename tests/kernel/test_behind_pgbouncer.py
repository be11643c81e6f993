"""Behind a pooler that gives a connection to another after each transaction (PgBouncer's ``pool_mode``)."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from kernel.database import Database
from kernel.late_rows import change_row, insert_later
from kernel.outbox import OutboxTask
from kernel.prefetch import PlainRows, hold_row
from kernel.prepared import _Pooler
from tests.servers.pgbouncer import run_pgbouncer
from tests.servers.postgresql import PostgreSqlServer

TABLE = cast(Table, OutboxTask.__table__)
ROWS = PlainRows(OutboxTask)
MOMENT = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
_PROCESSES, _THREADS, _ROUNDS = 3, 3, 6


@pytest.fixture
def databases(postgresql: PostgreSqlServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Database]]:
    """Several engines, as several processes have them, on one database by fewer connections than they are."""
    monkeypatch.setattr(_Pooler, "hands_round", False)
    name = postgresql.create_database()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sau-pgbouncer-")))
        port = stack.enter_context(run_pgbouncer(folder, server=postgresql.port, size=2))
        made = [Database(f"postgresql+psycopg://postgres@127.0.0.1:{port}/{name}") for _ in range(_PROCESSES)]
        for database in made:
            stack.callback(database.dispose)
        yield made
    postgresql.drop_database(name)


def test_statements_reach_the_connection_that_they_were_prepared_on_or_are_sent_whole(
    databases: list[Database],
) -> None:
    """Nobody sees an error, and no statement is taken for another of the same name."""
    failed: list[BaseException] = []

    def work(database: Database, prefix: str) -> None:
        try:
            for number in range(_ROUNDS):
                _put_and_change(database, f"{prefix}-{number}")
        except BaseException as error:
            failed.append(error)

    threads = [
        threading.Thread(target=work, args=(database, f"{process}-{thread}"))
        for process, database in enumerate(databases)
        for thread in range(_THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    with databases[0].reading() as session:
        assert session.scalar(select(func.count()).where(OutboxTask.attempts == 7)) == len(threads) * _ROUNDS


def test_whoever_begins_anew_writes_at_once(databases: list[Database]) -> None:
    """A command is a new process each time: its first transaction, which nobody repeats, is not in another's way."""
    for number, database in enumerate(databases):
        with database.transaction() as session:
            insert_later(session, TABLE, _task(f"first-{number}"))
    assert not _Pooler.hands_round


def _put_and_change(database: Database, task_id: str) -> None:
    def put(session: Session) -> None:
        insert_later(session, TABLE, _task(task_id))

    def change(session: Session) -> None:
        row = hold_row(session, OutboxTask, task_id)
        assert row is not None
        change_row(session, OutboxTask, row, attempts=7)

    database.together(put)
    database.together(change)


def _task(task_id: str) -> dict[str, Any]:
    given: dict[str, Any] = dict.fromkeys((column.name for column in TABLE.columns), None)
    return given | {"id": task_id, "kind": "kind", "payload": {}, "created_at": MOMENT, "due_at": MOMENT, "attempts": 0}
