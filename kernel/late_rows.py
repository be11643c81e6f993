"""Rows that nobody reads back before the transaction ends: collected, then inserted by one statement a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from json import JSONEncoder
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, Insert, Integer, LargeBinary, MetaData, Table, event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction
from sqlalchemy.types import TypeEngine

from kernel.column_types import UtcDateTime

_KEY = "late_rows"
_JSON = JSONEncoder()


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
        if connection.dialect.name == "postgresql":
            _insert_arrays(connection, table, rows)
        else:
            connection.execute(_insert(table), rows)


def _insert_arrays(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """One array a column: the statement is the same for any number of rows, so the server prepares it once."""
    names = tuple(rows[0])
    statement, documents, moments = _array_insert(table, names)
    columns: list[list[Any]] = [[row[name] for row in rows] for name in names]
    for at in documents:
        columns[at] = [_JSON.encode(value) for value in columns[at]]
    for at in moments:
        if any(value is not None and value.tzinfo is None for value in columns[at]):
            raise ValueError("a stored datetime must be aware")
    connection.exec_driver_sql(statement, tuple(columns))


@lru_cache(maxsize=64)
def _array_insert(table: Table, names: tuple[str, ...]) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Return the statement, and which of the columns are JSON, and which are moments."""
    kinds = [table.c[name].type for name in names]
    arrays = ", ".join(f"%b::{_array_type(kind)}[]" for kind in kinds)
    values = ", ".join(f"c{at}::json" if isinstance(kind, JSON) else f"c{at}" for at, kind in enumerate(kinds))
    taken = ", ".join(f"c{at}" for at in range(len(names)))
    columns = ", ".join(f'"{name}"' for name in names)
    return (
        # Names of our own tables and columns; what is inserted is bound.
        f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM unnest({arrays}) AS given({taken})",  # noqa: S608  # nosec B608
        tuple(at for at, kind in enumerate(kinds) if isinstance(kind, JSON)),
        tuple(at for at, kind in enumerate(kinds) if isinstance(kind, UtcDateTime)),
    )


def _array_type(kind: TypeEngine[Any]) -> str:
    match kind:
        case UtcDateTime():
            return "timestamptz"
        case LargeBinary():
            return "bytea"
        case Boolean():
            return "boolean"
        case Integer():
            return "bigint"
    return "text"


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
