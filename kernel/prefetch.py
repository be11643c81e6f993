"""Reading for many at once: what each piece of work is going to look up is read by one statement for all of them.

It is a hint and nothing more. Whoever needs a row asks for it as if nothing had been read before; if it was, in this
transaction, the answer is at hand. What is kept are the session's own objects: this transaction sees its own changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import ARRAY, ColumnElement, String, any_, literal
from sqlalchemy.orm import InstrumentedAttribute, Session

_KEY = "kept"
E = TypeVar("E")


class _Unknown(Enum):
    UNKNOWN = "unknown"


#: Nothing was read about it: neither that it is there nor that it is not.
UNKNOWN: Final = _Unknown.UNKNOWN

#: Reads what it can find for the keys, in the order given, and keeps it with :func:`keep`.
Reader = Callable[[Session, Sequence[Any]], None]


class Want(NamedTuple):
    """Something that is going to be looked up: what reads it, and by which key. Keys of one reader can be sorted."""

    reader: Reader
    key: Hashable


def prefetch(session: Session, wants: Sequence[Want]) -> None:
    """Read all that is wanted, each reader once, its keys sorted so that locks are taken in one order."""
    by_reader: dict[Reader, set[Any]] = {}
    for want in wants:
        by_reader.setdefault(want.reader, set()).add(want.key)
    for reader, keys in by_reader.items():
        reader(session, sorted(keys))


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


def among(session: Session, column: InstrumentedAttribute[Any], keys: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that ``column`` is one of ``keys``: one statement text, however many there are."""
    if session.get_bind().dialect.name == "sqlite":
        return column.in_(keys)
    return column == any_(literal(list(keys), ARRAY(String)))
