"""Rows that nobody reads back before the transaction ends: collected, then written by one statement a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from json import JSONEncoder
from typing import Any, TypeVar, cast

from sqlalchemy import (
    JSON,
    Boolean,
    Dialect,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Update,
    bindparam,
    event,
    inspect,
    text,
)
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction
from sqlalchemy.types import TypeEngine

from kernel.column_types import UtcDateTime
from kernel.prefetch import dialect_of, keep
from kernel.prepared import Ask, Prepared, commit_now, fetch_all

_KEY = "late_rows"
E = TypeVar("E")


def insert_later(session: Session, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row before the transaction commits; it goes with the transaction, or the savepoint, it was given in.

    A query through the mapped class makes it be inserted at once. All rows of a table must name the same columns.
    """
    session.info.setdefault(_KEY, []).append((session.get_nested_transaction(), table, values, False))


def update_later(session: Session, table: Table, values: Mapping[str, Any]) -> None:
    """Change a row before the transaction commits, as :func:`insert_later` inserts one.

    The row must be locked by this transaction: nothing is asked when it is written.

    :param values: the primary key, of one column, first; then what changes.
    """
    session.info.setdefault(_KEY, []).append((session.get_nested_transaction(), table, values, True))


def change_row(session: Session, entity: type[E], row: E, **changes: Any) -> E:
    """Change a row that :func:`kernel.prefetch.hold_row` gave, and return it as it is then.

    :param changes: attributes, named as their columns are.
    """
    if isinstance(row, entity):
        for name, value in changes.items():
            setattr(row, name, value)
        return row
    table, key = _keyed(cast(Any, entity))
    update_later(session, table, {key: getattr(row, key), **changes})
    changed: E = row._replace(**changes)  # type: ignore[attr-defined]
    keep(session, entity, getattr(row, key), changed)
    return changed


@lru_cache(maxsize=64)
def _keyed(entity: Any) -> tuple[Table, str]:
    table = cast(Table, inspect(entity).local_table)
    (key,) = table.primary_key.columns.keys()
    return table, key


def write_rows(session: Session) -> None:
    """Write what :func:`insert_later` and :func:`update_later` collected so far."""
    asks = _asks(session)
    if asks:
        fetch_all(session, asks)


def commit_rows(session: Session) -> None:
    """Write what was collected and commit it, as :func:`kernel.prepared.commit_now` does."""
    commit_now(session, _asks(session))


def _asks(session: Session) -> list[Ask]:
    """Return the statements that write what was collected; on other databases than PostgreSQL it is written here."""
    waiting = session.info.pop(_KEY, None)
    asks: list[Ask] = []
    if not waiting:
        return asks
    grouped: dict[tuple[Table, bool, tuple[str, ...]], list[Mapping[str, Any]]] = {}
    for _, table, values, changes in waiting:
        grouped.setdefault((table, changes, tuple(values)), []).append(values)
    prepared = dialect_of(session) == "postgresql"
    for (table, changes, names), rows in sorted(grouped.items(), key=_place) if len(grouped) > 1 else grouped.items():
        if changes:  # what changed twice is written once, as it was left
            rows = list({row[names[0]]: row for row in rows}.values())
        if prepared:
            asks.append(Ask(_from_json(table, names, changes), {"rows": _ROWS.encode(rows)}))
        else:
            _write_each(session, table, names, rows, changes=changes)
    return asks


def _write_each(
    session: Session, table: Table, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]], *, changes: bool
) -> None:
    connection = session.connection()
    statement, binders = _each(connection.dialect, table, names, changes)
    connection.exec_driver_sql(statement, [tuple(bind(row[name]) for name, bind in binders) for row in rows])


@lru_cache(maxsize=64)
def _from_json(table: Table, names: tuple[str, ...], changes: bool) -> Prepared:
    """Return a statement that is the same for any number of rows: they come as one JSON document."""
    kinds = ", ".join(f'"{name}" {_type_name(table.c[name].type)}' for name in names)
    given = f"json_to_recordset(CAST(:rows AS json)) AS given({kinds})"
    # Names of our own tables and columns; what is written is bound.
    if changes:
        key, *others = names
        sets = ", ".join(f'"{name}" = given."{name}"' for name in others)
        sql = f'UPDATE {table.name} SET {sets} FROM {given} WHERE {table.name}."{key}" = given."{key}"'  # noqa: S608  # nosec B608
    else:
        columns = ", ".join(f'"{name}"' for name in names)
        sql = f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {given}"  # noqa: S608  # nosec B608
    return Prepared(lambda _: text(sql))


@lru_cache(maxsize=64)
def _each(
    dialect: Dialect, table: Table, names: tuple[str, ...], changes: bool
) -> tuple[str, tuple[tuple[str, Callable[[Any], Any]], ...]]:
    """Return a statement for one row as the driver takes it, and in order what is bound and how it is written.

    The toolkit would look at every parameter of every row anew.
    """
    statement: Insert | Update = table.insert().values({name: bindparam(f"given_{name}") for name in names})
    if changes:
        changed = {name: bindparam(f"given_{name}", type_=table.c[name].type) for name in names[1:]}
        statement = table.update().where(table.c[names[0]] == bindparam(f"given_{names[0]}")).values(changed)
    compiled = statement.compile(dialect=dialect)
    assert compiled.positiontup is not None  # drivers of SQLite count the places
    order = [place.removeprefix("given_") for place in compiled.positiontup]
    binders = (table.c[name].type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is for name in order)
    return str(compiled), tuple(zip(order, binders, strict=True))


def _as_it_is(value: Any) -> Any:
    return value


def _type_name(kind: TypeEngine[Any]) -> str:
    match kind:
        case UtcDateTime():
            return "timestamptz"
        case LargeBinary():
            return "bytea"
        case Boolean():
            return "boolean"
        case Integer():
            return "bigint"
        case JSON():
            return "json"
    return "text"


def _plain(value: object) -> str:
    """Return as text what JSON has no form for, as PostgreSQL reads it."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a stored datetime must be aware")
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} is no value of a column")


_ROWS = JSONEncoder(default=_plain, separators=(",", ":"), check_circular=False)


def _place(entry: tuple[tuple[Table, bool, tuple[str, ...]], object]) -> tuple[int, bool]:
    """Tables that others refer to come first."""
    table, changes, _ = entry[0]
    return _order(table.metadata)[table], changes


@lru_cache(maxsize=4)
def _order(metadata: MetaData) -> dict[Table, int]:
    return {table: number for number, table in enumerate(metadata.sorted_tables)}


def _forget(session: Session, ended: SessionTransaction) -> None:
    waiting = session.info.pop(_KEY, None)
    if waiting and ended.nested:
        session.info[_KEY] = [each for each in waiting if each[0] is not ended]


def _write_before_query(state: ORMExecuteState) -> None:
    waiting = state.session.info.get(_KEY)
    if waiting:
        asked = {mapper.local_table for mapper in state.all_mappers}
        if any(table in asked for _, table, *_ in waiting):
            write_rows(state.session)


event.listen(Session, "before_commit", write_rows)
event.listen(Session, "before_flush", lambda session, *_: write_rows(session))
event.listen(Session, "do_orm_execute", _write_before_query)
event.listen(Session, "after_soft_rollback", _forget)
