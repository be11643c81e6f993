"""Where verification reads a log from: the database, or an exported bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import String, func, select, type_coerce
from sqlalchemy.orm import Session

from audit.anchor import Anchor
from audit.journal import COLUMNS
from audit.merkle import EMPTY_ROOT, CompactRange
from audit.model import AUDIT_TABLES, LogTables
from audit.tiles import WIDTH, Tile, right_edge
from audit.tree_store import HEAD, tile_reader


@dataclass(frozen=True)
class Row:
    """A record as it is stored.

    :ivar event_id: its name in the source, None where only the leaf is kept.
    :ivar columns: what the search columns say, None where there are none.
    """

    index: int | None
    event_id: str | None
    leaf: bytes
    columns: dict[str, str | None] | None = None


@dataclass(frozen=True)
class StoredHead:
    """The head as the source states it."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint as the source states it; ``note`` is the evidence."""

    size: int
    root: bytes
    note: str


class LogSource(Protocol):
    """A stored log. Nothing that it says is believed."""

    def head(self) -> StoredHead:
        """Return the stated head (size 0 before the log began)."""
        ...

    def checkpoints(self) -> Iterable[StoredCheckpoint]:
        """Yield checkpoints, smallest tree first."""
        ...

    def anchors(self) -> Iterable[Anchor]:
        """Yield checkpoints kept elsewhere, in any order."""
        ...

    def rows(self, start: int, stop: int) -> Sequence[Row]:
        """Return the records whose stated place is in [start, stop), in order of place."""
        ...

    def leaf_hashes(self, start: int, stop: int) -> Sequence[bytes]:
        """Return the stored leaf hashes of [start, stop), fewer if the source has fewer."""
        ...

    def strays(self, size: int) -> Iterable[Row]:
        """Yield the records without a place, or with one outside [0, size)."""
        ...

    def upper_tiles(self) -> Iterable[tuple[Tile, bytes]] | None:
        """Yield the stored tiles above level 0 with their octets; None if the source keeps none."""
        ...

    def edge(self, size: int) -> CompactRange:
        """Return the right edge of the stored tree of ``size``. :raises Fault: if the stored tree lacks it."""
        ...


class DatabaseLog:
    """The log in the database, at one moment.

    :param session: on PostgreSQL of isolation REPEATABLE READ.
    :param anchors: read before the session's first statement, so that none is newer than what the session sees.
    :param columns: of the entries, beside name and moment, that repeat what leaves say.
    """

    def __init__(
        self,
        session: Session,
        *,
        anchors: Sequence[Anchor],
        default_origin: str,
        tables: LogTables = AUDIT_TABLES,
        columns: Sequence[str] = tuple(COLUMNS),
    ) -> None:
        self._session = session
        self._tables = tables
        self._columns = columns
        # A column that was tampered with may hold anything, on SQLite a value of any type: read as it is.
        self._row_columns: tuple[Any, ...] = (
            tables.entry.log_index,
            type_coerce(tables.entry.leaf, String),
            tables.entry.id,
            type_coerce(tables.entry.occurred_at, String),
            *(getattr(tables.entry, name) for name in columns),
        )
        self._anchors = anchors
        self._default_origin = default_origin

    def head(self) -> StoredHead:
        """See :meth:`LogSource.head`."""
        table = self._tables.head
        head = self._session.execute(
            select(table.origin, table.size, type_coerce(table.root, String)).where(table.id == HEAD)
        ).one_or_none()
        if head is None:
            return StoredHead(self._default_origin, 0, EMPTY_ROOT)
        return StoredHead(str(head[0]), _number(head[1]), _octets(head[2]))

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        """See :meth:`LogSource.checkpoints`."""
        table = self._tables.checkpoint
        found = self._session.execute(
            select(table.size, type_coerce(table.root, String), table.note).order_by(table.size)
        )
        for size, root, note in found:
            yield StoredCheckpoint(_number(size), _octets(root), str(note))

    def anchors(self) -> Sequence[Anchor]:
        """See :meth:`LogSource.anchors`."""
        return self._anchors

    def rows(self, start: int, stop: int) -> list[Row]:
        """See :meth:`LogSource.rows`."""
        entry = self._tables.entry
        found = self._session.execute(
            select(*self._row_columns)
            .where(entry.log_index >= start, entry.log_index < stop)
            .order_by(entry.log_index, entry.id)
        )
        return [self._row(*each) for each in found]

    def leaf_hashes(self, start: int, stop: int) -> list[bytes]:
        """See :meth:`LogSource.leaf_hashes`."""
        first, tile = start // WIDTH, self._tables.tile
        found = self._session.execute(
            select(tile.number, type_coerce(tile.hashes, String))
            .where(tile.level == 0, tile.number >= first, tile.number <= (stop - 1) // WIDTH)
            .order_by(tile.number)
        )
        octets = b""
        for number, hashes in found:
            if len(octets) != (number - first) * WIDTH * 32:
                break  # a tile is missing or short: what comes after it has lost its place
            octets += _octets(hashes)
        cut = octets[(start - first * WIDTH) * 32 : (stop - first * WIDTH) * 32]
        return [cut[at : at + 32] for at in range(0, len(cut) - len(cut) % 32, 32)]

    def strays(self, size: int) -> Iterator[Row]:
        """See :meth:`LogSource.strays`. Events that still wait for their place are among them."""
        entry = self._tables.entry
        found = self._session.execute(
            select(*self._row_columns)
            .where(entry.log_index.is_(None) | (entry.log_index >= size) | (entry.log_index < 0))
            .order_by(entry.log_index, entry.id)
        )
        for each in found:
            yield self._row(*each)

    def upper_tiles(self) -> Iterator[tuple[Tile, bytes]]:
        """See :meth:`LogSource.upper_tiles`."""
        tile = self._tables.tile
        found = self._session.execute(
            select(tile.level, tile.number, type_coerce(tile.hashes, String))
            .where(tile.level != 0)
            .order_by(tile.level, tile.number)
        )
        for level, number, hashes in found:
            octets = _octets(hashes)
            yield Tile(_number(level), _number(number), len(octets) // 32), octets

    def edge(self, size: int) -> CompactRange:
        """See :meth:`LogSource.edge`."""
        return right_edge(size, tile_reader(self._session, self._tables))

    def waiting(self) -> int:
        """Return how many events are committed and not yet in the log."""
        entry = self._tables.entry
        counted = self._session.scalar(select(func.count()).select_from(entry).where(entry.log_index.is_(None)))
        return counted or 0

    def _row(self, index: object, leaf: object, entry_id: object, occurred_at: object, *values: object) -> Row:
        pairs = zip(self._columns, values, strict=True)
        columns = {name: None if value is None else str(value) for name, value in pairs}
        name = str(entry_id)
        place = index if isinstance(index, int) else None
        return Row(place, name, _octets(leaf), {**columns, "id": name, "occurred_at": _moment(occurred_at)})


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value).replace(" ", "T") + "+00:00"  # SQLite keeps text, in UTC


def _octets(value: object) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return str(value).encode("utf-8", "surrogatepass")


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1
