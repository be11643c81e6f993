"""Rows that are inserted together before a transaction ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy import Table, event, select
from sqlalchemy.exc import StatementError

from idp.tokens.model import RefreshTokenRow, TokenFamilyRow
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


def test_values_come_back_as_they_were_given(database: Database, row: dict[str, Any]) -> None:
    """Texts with every kind of quote, documents, nothing."""
    given = [
        {"id": "0", "payload": {"a": ["{", '"', "\\", "ñ", None, 1.5]}, "last_error": None},
        {"id": "1", "payload": {}, "last_error": "{NULL},\"'\\ñ"},
    ]
    with database.transaction() as session:
        for each in given:
            insert_later(session, TABLE, row | each)
    with database.reading() as session:
        found = session.execute(select(TABLE.c["id", "payload", "last_error", "due_at"]).order_by(TABLE.c.id)).all()
    assert [each._asdict() for each in found] == [each | {"due_at": row["due_at"]} for each in given]


def test_a_moment_without_a_zone_is_refused(database: Database, row: dict[str, Any]) -> None:
    """On both databases, as in any other insert."""
    with pytest.raises((ValueError, StatementError)), database.transaction() as session:
        insert_later(session, TABLE, row | {"id": "0", "due_at": datetime(2026, 11, 23)})
    assert ids(database) == []


def test_a_query_through_the_mapped_class_sees_them(database: Database, row: dict[str, Any]) -> None:
    """Whoever asks gets an answer that is true."""
    with database.transaction() as session:
        insert_later(session, TABLE, row | {"id": "0"})
        assert session.get(OutboxTask, "0") is not None
        assert session.scalars(select(OutboxTask.id)).all() == ["0"]


def test_tables_that_others_refer_to_come_first(database: Database) -> None:
    """Whatever the order in which rows were given."""
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    family: dict[str, Any] = {column.name: None for column in TokenFamilyRow.__table__.columns}
    family |= {"id": "f", "grant_type": "g", "client_id": "c", "person_id": "p", "acr": "a", "amr": [], "scopes": []}
    family |= {"terms": {}, "authenticated_at": moment, "created_at": moment, "expires_at": moment, "offline": True}
    token: dict[str, Any] = {column.name: None for column in RefreshTokenRow.__table__.columns}
    token |= {"token_sha256": "t", "family_id": "f", "created_at": moment, "expires_at": moment}
    with database.transaction() as session:
        insert_later(session, cast(Table, RefreshTokenRow.__table__), token)
        insert_later(session, cast(Table, TokenFamilyRow.__table__), family)
    with database.reading() as session:
        assert session.get(RefreshTokenRow, "t") is not None


def test_what_is_made_ready_for_a_late_transaction_keeps_nobody_waiting(
    database: Database, row: dict[str, Any]
) -> None:
    """Another writer commits meanwhile, which SQLite allows while nobody else has begun."""
    with database.transaction(late=True) as session:
        insert_later(session, TABLE, row | {"id": "late"})
        with database.transaction() as other:
            insert_later(other, TABLE, row | {"id": "meanwhile"})
        assert ids(database) == ["meanwhile"]
    assert ids(database) == ["late", "meanwhile"]


def test_a_late_transaction_that_is_undone_leaves_nothing(database: Database, row: dict[str, Any]) -> None:
    """Neither what was made ready nor the turn that it had."""
    with database.transaction(late=True) as session:
        insert_later(session, TABLE, row | {"id": "undone"})
        session.scalars(select(TABLE.c.payload)).all()
        session.rollback()
    with pytest.raises(ZeroDivisionError), database.transaction(late=True) as session:
        insert_later(session, TABLE, row | {"id": "failed"})
        session.scalars(select(TABLE.c.payload)).all()
        raise ZeroDivisionError
    with database.transaction(late=True) as session:
        insert_later(session, TABLE, row | {"id": "next"})
    assert ids(database) == ["next"]
