"""Reading for many at once: what each piece of work is going to look up is read by one statement for all of them.

It is a hint and nothing more. Whoever needs a row asks for it as if nothing had been read before; if it was, in this
transaction, the answer is at hand. What is kept are the session's own objects: this transaction sees its own changes.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Generator, Hashable, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import ARRAY, ColumnElement, String, any_, bindparam, inspect
from sqlalchemy.orm import Mapper, Session

from kernel.prepared import Ask, fetch_all

_KEY = "kept"
E = TypeVar("E")


class _Unknown(Enum):
    UNKNOWN = "unknown"


#: Nothing was read about it: neither that it is there nor that it is not.
UNKNOWN: Final = _Unknown.UNKNOWN

#: Yields a statement and is given its rows, so that the statements of several readers are sent together.
Reading = Generator[Ask, Sequence[Sequence[Any]], None]
#: Reads what it can find for the keys, in the order given, and keeps it with :func:`keep`.
Reader = Callable[[Session, Sequence[Any]], Reading | None]


class Want(NamedTuple):
    """Something that is going to be looked up: what reads it, and by which key. Keys of one reader can be sorted."""

    reader: Reader
    key: Hashable


def prefetch(session: Session, wants: Sequence[Want]) -> None:
    """Read all that is wanted, each reader once, its keys sorted so that locks are taken in one order."""
    by_reader: dict[Reader, set[Any]] = {}
    for want in wants:
        by_reader.setdefault(want.reader, set()).add(want.key)
    readings = [reader(session, sorted(keys)) for reader, keys in by_reader.items()]
    answered: list[tuple[Reading, Any]] = [(reading, None) for reading in readings if reading is not None]
    while answered:
        going: list[tuple[Reading, Ask]] = []
        for reading, rows in answered:
            with suppress(StopIteration):
                going.append((reading, reading.send(rows)))
        found = fetch_all(session, [ask for _, ask in going])
        answered = [(reading, rows) for (reading, _), rows in zip(going, found, strict=True)]


def keep(session: Session, kind: object, key: Hashable, value: object) -> None:
    """Have ``value`` at hand until the transaction ends; None if there is no such thing."""
    session.info.setdefault(_KEY, {})[kind, key] = value


def kept(session: Session, kind: object, key: Hashable) -> Any:
    """Return what was kept, :data:`UNKNOWN` if nothing was read."""
    held = session.info.get(_KEY)
    return UNKNOWN if held is None else held.get((kind, key), UNKNOWN)


def find_row(session: Session, entity: type[E], key: Any, *, anew: bool = False) -> E | None:
    """Return the row of ``entity`` with this primary key, None if there is none; from what was read ahead, if it was.

    :param anew: ask the database even if this session has met the row before, unless it was read ahead.
    """
    held = kept(session, entity, key)
    if held is not UNKNOWN:
        row: E | None = held
        return row
    return session.get(entity, key, populate_existing=anew)


def hold_row(session: Session, entity: type[E], key: Any) -> E | None:
    """Return the row, as it is now, and let nobody else change it before this transaction ends.

    Readers that keep a row of an entity that is held by this function must have locked it.
    """
    held = kept(session, entity, key)
    if held is not UNKNOWN:
        row: E | None = held
        return row
    found = session.get(entity, key, populate_existing=True, with_for_update=True)
    keep(session, entity, key, found)
    return found


def forget(session: Session, kind: object, key: Hashable) -> None:
    """Have it read again: called by whoever changes a row that readers keep as plain values."""
    session.info.get(_KEY, {}).pop((kind, key), None)


class PlainRows:
    """Rows of some mapped classes, side by side, as plain values: much cheaper than objects that a session follows.

    Each is a named tuple of the class's attributes. They do not follow what the transaction changes, see
    :func:`forget` and :func:`kernel.late_rows.change_row`.
    """

    def __init__(self, *entities: type[Any]) -> None:
        self.columns: list[ColumnElement[Any]] = []
        self._slices: list[tuple[Callable[[Sequence[Any]], Any], int, int]] = []
        for entity in entities:
            mapper: Mapper[Any] = inspect(entity)
            # The primary key comes first: where it is null there was nothing to join.
            attributes = sorted(mapper.column_attrs, key=lambda each: not each.columns[0].primary_key)
            start = len(self.columns)
            self.columns += [each.columns[0].label(f"{entity.__tablename__}_{each.key}") for each in attributes]
            kind = namedtuple(f"Plain{entity.__name__}", [each.key for each in attributes])  # type: ignore[misc]
            self._slices.append((kind._make, start, len(self.columns)))

    def split(self, values: Sequence[Any]) -> list[Any]:
        """Return the rows in ``values``, which begin with our columns: objects with the class's attributes, or None."""
        return [None if values[start] is None else make(values[start:end]) for make, start, end in self._slices]


def among(dialect: str, column: Any, name: str = "keys") -> ColumnElement[bool]:
    """Return the condition that ``column`` is one of the texts bound as ``name``: one statement for any number.

    :param dialect: the name of the database's, see :func:`dialect_of`.
    """
    condition: ColumnElement[bool] = (
        column.in_(bindparam(name, expanding=True))
        if dialect == "sqlite"
        else column == any_(bindparam(name, type_=ARRAY(String)))
    )
    return condition


def dialect_of(session: Session) -> str:
    """Return the name of the session's database."""
    return session.get_bind().dialect.name
