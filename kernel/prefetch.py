"""Reading for many at once: what each piece of work is going to look up is read by one statement for all of them.

It is a hint and nothing more. Whoever needs a row asks for it as if nothing had been read before; if it was, in this
transaction, the answer is at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

_KEY = "prefetched"

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
