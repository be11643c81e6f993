"""The tree as the database holds it: reading and growing tiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from audit.model import AUDIT_TABLES, CheckpointColumns, HeadColumns, LogTables
from audit.tiles import ReadTile, Tile, join_hashes, split_hashes
from kernel.errors import NotFound
from kernel.prefetch import dialect_of
from kernel.prepared import Prepared

HEAD = 1  # the id of the one row


def tile_reader(session: Session, tables: LogTables = AUDIT_TABLES) -> ReadTile:
    """Return a reader of stored tiles that asks the database once a tile; an absent tile is empty."""
    held: dict[tuple[int, int], list[bytes]] = {}

    def read(tile: Tile) -> Sequence[bytes]:
        level = tile.level or 0
        place = (level, tile.number)
        if place not in held:
            found = _tile_at(tables).fetch(session, {"tile_level": level, "tile_number": tile.number})
            held[place] = split_hashes(found[0][0] if found else b"")
        return held[place]

    return read


@lru_cache(maxsize=8)
def _tile_at(tables: LogTables) -> Prepared:
    tile = tables.tile
    return Prepared(
        lambda _: select(tile.hashes).where(
            tile.level == bindparam("tile_level"), tile.number == bindparam("tile_number")
        )
    )


def overlaid(read: ReadTile, changed: Mapping[Tile, Sequence[bytes]]) -> ReadTile:
    """Return a reader that sees ``changed`` before what ``read`` finds."""
    fresh = {(tile.level, tile.number): content for tile, content in changed.items()}

    def read_fresh(tile: Tile) -> Sequence[bytes]:
        content = fresh.get((tile.level, tile.number))
        return read(tile) if content is None else content

    return read_fresh


def store_tiles(session: Session, changed: Mapping[Tile, Iterable[bytes]], tables: LogTables = AUDIT_TABLES) -> None:
    """Write tiles, each new or in place of its narrower self."""
    if dialect_of(session) == "postgresql":
        given = {
            "levels": [str(tile.level) for tile in changed],
            "numbers": [str(tile.number) for tile in changed],
            "contents": [join_hashes(content).hex() for content in changed.values()],
        }
        return _storing(tables).write(session, given)
    statement = sqlite.insert(tables.tile)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[tables.tile.level, tables.tile.number], set_={"hashes": statement.excluded.hashes}
        ),
        [
            {"level": tile.level, "number": tile.number, "hashes": join_hashes(content)}
            for tile, content in changed.items()
        ],
    )
    return None


@lru_cache(maxsize=8)
def _storing(tables: LogTables) -> Prepared:
    name = cast(Any, tables.tile).__tablename__
    return Prepared(
        lambda _: text(
            f"INSERT INTO {name} (level, number, hashes)"  # noqa: S608  # nosec B608 - a table of our own
            " SELECT level, number, decode(content, 'hex') FROM unnest(CAST(:levels AS bigint[]),"
            " CAST(:numbers AS bigint[]), CAST(:contents AS text[])) AS given(level, number, content)"
            " ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes"
        )
    )


def find_head(session: Session, tables: LogTables = AUDIT_TABLES) -> HeadColumns | None:
    """Return the head, None before the log has begun."""
    return session.scalar(select(tables.head).where(tables.head.id == HEAD))


def latest_checkpoint(session: Session, tables: LogTables = AUDIT_TABLES) -> CheckpointColumns | None:
    """Return the checkpoint of the largest tree, None before the first."""
    return session.scalar(select(tables.checkpoint).order_by(tables.checkpoint.size.desc()).limit(1))


def require_checkpoint(session: Session, tables: LogTables = AUDIT_TABLES) -> CheckpointColumns:
    """Return the checkpoint of the largest tree. :raises NotFound: (``no_checkpoint``) before the first."""
    checkpoint = latest_checkpoint(session, tables)
    if checkpoint is None:
        raise NotFound("The log has no checkpoint yet.", code="no_checkpoint")
    return checkpoint
