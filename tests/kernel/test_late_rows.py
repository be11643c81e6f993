"""Rows that are inserted together before a transaction ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy import Table, event, select

from kernel.database import Database
from kernel.late_rows import insert_later
from kernel.outbox import OutboxTask

TABLE = cast(Table, OutboxTask.__table__)


@pytest.fixture
def row(database: Database) -> dict[str, Any]:
    """A row of some table."""
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    values: dict[str, Any] = {column.name: None for column in TABLE.columns}
    return values | {"kind": "kind", "payload": {}, "created_at": moment, "due_at": moment, "attempts": 0}


def ids(database: Database) -> list[str]:
    """Return the ids of all rows."""
    with database.reading() as session:
        return sorted(session.scalars(select(TABLE.c.id)))


def test_rows_are_inserted_together_before_the_commit(database: Database, row: dict[str, Any]) -> None:
    """One statement for a table, however many rows."""
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    with database.transaction() as session:
        for number in range(3):
            insert_later(session, TABLE, row | {"id": str(number)})
    assert len([each for each in statements if each.startswith("INSERT")]) == 1
    assert ids(database) == ["0", "1", "2"]


def test_rows_go_with_a_transaction_that_fails(database: Database, row: dict[str, Any]) -> None:
    """The row is of the transaction, like any other."""
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        insert_later(session, TABLE, row | {"id": "0"})
        raise ZeroDivisionError
    assert ids(database) == []


def test_rows_go_with_the_savepoint_that_they_were_given_in(database: Database, row: dict[str, Any]) -> None:
    """Those of before it stay, and so do those of one that was released."""
    with database.transaction() as session:
        insert_later(session, TABLE, row | {"id": "0"})
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            insert_later(session, TABLE, row | {"id": "1"})
            raise ZeroDivisionError
        with session.begin_nested():
            insert_later(session, TABLE, row | {"id": "2"})
        insert_later(session, TABLE, row | {"id": "3"})
    assert ids(database) == ["0", "2", "3"]
