"""Rows that nobody reads back before the transaction ends: collected, then inserted by one statement a table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Insert, Table, event
from sqlalchemy.orm import Session, SessionTransaction

_KEY = "late_rows"


def insert_later(session: Session, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row before the transaction commits; it goes with the transaction, or the savepoint, it was given in.

    A query of the same transaction does not see it. All rows of a table must name the same columns.
    """
    session.info.setdefault(_KEY, []).append((session.get_nested_transaction(), table, values))


def write_rows(session: Session) -> None:
    """Insert what :func:`insert_later` collected so far."""
    waiting = session.info.pop(_KEY, None)
    if not waiting:
        return
    by_table: dict[Table, list[Mapping[str, Any]]] = {}
    for _, table, values in waiting:
        by_table.setdefault(table, []).append(values)
    connection = session.connection()
    for table, rows in by_table.items():
        connection.execute(_insert(table), rows if len(rows) > 1 else rows[0])


@lru_cache(maxsize=64)
def _insert(table: Table) -> Insert:
    return table.insert()


def _forget(session: Session, ended: SessionTransaction) -> None:
    waiting = session.info.pop(_KEY, None)
    if waiting and ended.nested:
        session.info[_KEY] = [each for each in waiting if each[0] is not ended]


event.listen(Session, "before_commit", write_rows)
event.listen(Session, "after_soft_rollback", _forget)
