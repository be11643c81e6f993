"""Rows that nobody reads back before the transaction ends: collected, then inserted by one statement a table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Insert, MetaData, Table, event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

_KEY = "late_rows"


def insert_later(session: Session, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row before the transaction commits; it goes with the transaction, or the savepoint, it was given in.

    A query through the mapped class makes it be inserted at once. All rows of a table must name the same columns.
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
    for table, rows in sorted(by_table.items(), key=_place) if len(by_table) > 1 else by_table.items():
        connection.execute(_insert(table), rows if len(rows) > 1 else rows[0])


def _place(entry: tuple[Table, object]) -> int:
    """Tables that others refer to come first."""
    return _order(entry[0].metadata)[entry[0]]


@lru_cache(maxsize=4)
def _order(metadata: MetaData) -> dict[Table, int]:
    return {table: number for number, table in enumerate(metadata.sorted_tables)}


@lru_cache(maxsize=64)
def _insert(table: Table) -> Insert:
    return table.insert()


def _forget(session: Session, ended: SessionTransaction) -> None:
    waiting = session.info.pop(_KEY, None)
    if waiting and ended.nested:
        session.info[_KEY] = [each for each in waiting if each[0] is not ended]


def _write_before_query(state: ORMExecuteState) -> None:
    waiting = state.session.info.get(_KEY)
    if waiting:
        asked = {mapper.local_table for mapper in state.all_mappers}
        if any(table in asked for _, table, _ in waiting):
            write_rows(state.session)


event.listen(Session, "before_commit", write_rows)
event.listen(Session, "before_flush", lambda session, *_: write_rows(session))
event.listen(Session, "do_orm_execute", _write_before_query)
event.listen(Session, "after_soft_rollback", _forget)
