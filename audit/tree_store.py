"""The tree as the database holds it: reading and growing tiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.model import AuditCheckpoint, AuditHead, AuditTile
from audit.tiles import ReadTile, Tile, join_hashes, split_hashes
from kernel.errors import NotFound

HEAD = 1  # the id of the one row


def tile_reader(session: Session) -> ReadTile:
    """Return a reader of stored tiles that asks the database once a tile; an absent tile is empty."""
    held: dict[tuple[int, int], list[bytes]] = {}

    def read(tile: Tile) -> Sequence[bytes]:
        level = tile.level or 0
        place = (level, tile.number)
        if place not in held:
            octets = session.scalar(
                select(AuditTile.hashes).where(AuditTile.level == level, AuditTile.number == tile.number)
            )
            held[place] = split_hashes(octets or b"")
        return held[place]

    return read


def overlaid(read: ReadTile, changed: Mapping[Tile, Sequence[bytes]]) -> ReadTile:
    """Return a reader that sees ``changed`` before what ``read`` finds."""
    fresh = {(tile.level, tile.number): content for tile, content in changed.items()}

    def read_fresh(tile: Tile) -> Sequence[bytes]:
        content = fresh.get((tile.level, tile.number))
        return read(tile) if content is None else content

    return read_fresh


def store_tiles(session: Session, changed: Mapping[Tile, Iterable[bytes]]) -> None:
    """Write tiles, each new or in place of its narrower self."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(AuditTile)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[AuditTile.level, AuditTile.number], set_={"hashes": statement.excluded.hashes}
        ),
        [
            {"level": tile.level, "number": tile.number, "hashes": join_hashes(content)}
            for tile, content in changed.items()
        ],
    )


def find_head(session: Session) -> AuditHead | None:
    """Return the head, None before the log has begun."""
    return session.scalar(select(AuditHead).where(AuditHead.id == HEAD))


def latest_checkpoint(session: Session) -> AuditCheckpoint | None:
    """Return the checkpoint of the largest tree, None before the first."""
    return session.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1))


def require_checkpoint(session: Session) -> AuditCheckpoint:
    """Return the checkpoint of the largest tree. :raises NotFound: (``no_checkpoint``) before the first."""
    checkpoint = latest_checkpoint(session)
    if checkpoint is None:
        raise NotFound("The log has no checkpoint yet.", code="no_checkpoint")
    return checkpoint
