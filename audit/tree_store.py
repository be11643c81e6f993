"""The tree as the database holds it: reading and growing tiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.model import AUDIT_TABLES, CheckpointColumns, HeadColumns, LogTables
from audit.tiles import ReadTile, Tile, join_hashes, split_hashes
from kernel.errors import NotFound
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
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(tables.tile)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[tables.tile.level, tables.tile.number], set_={"hashes": statement.excluded.hashes}
        ),
        [
            {"level": tile.level, "number": tile.number, "hashes": join_hashes(content)}
            for tile, content in changed.items()
        ],
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
