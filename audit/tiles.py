"""Tiles: the tree cut into files of 256 hashes that never change once full (C2SP tlog-tiles)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from audit.merkle import HASH_SIZE, CompactRange, Subtree, hash_node, split_point, tree_root
from kernel.errors import Fault, NotFound

WIDTH = 256
ENTRY_LIMIT = 0xFFFF  # an entry's length is written in two octets
_HEIGHT = 8
_PATH = re.compile(r"(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True)
class Tile:
    """The coordinates of a tile.

    :ivar level: 0 holds leaf hashes; each hash of a higher level is the root of a full tile below. None: the entries.
    :ivar width: hashes in it, 256 when full.
    """

    level: int | None
    number: int
    width: int = WIDTH

    @classmethod
    def parse(cls, path: str) -> Tile:
        """Read ``<L>/<N>[.p/<W>]`` or ``entries/<N>[.p/<W>]``. :raises NotFound: if it is neither."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise NotFound("There is no such tile.", code="tile_not_found")
        level, elements, width = match.groups()
        pieces = elements.split("/")
        # Leading all-zero elements would be a second name for the same tile.
        if (len(pieces) > 1 and pieces[0] == "x000") or len(pieces) > 6:
            raise NotFound("There is no such tile.", code="tile_not_found")
        number = int("".join(piece.removeprefix("x") for piece in pieces))
        tile = cls(None if level == "entries" else int(level), number, int(width or WIDTH))
        if (tile.level or 0) > 63 or (width and tile.width >= WIDTH):
            raise NotFound("There is no such tile.", code="tile_not_found")
        return tile

    @property
    def path(self) -> str:
        """The address below the log's prefix: ``tile/0/x001/x234/067.p/5``."""
        digits = str(self.number)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        pieces = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        number = "/".join([*(f"x{piece}" for piece in pieces[:-1]), pieces[-1]])
        level = "entries" if self.level is None else str(self.level)
        return f"tile/{level}/{number}" + (f".p/{self.width}" if self.width < WIDTH else "")


def level_size(size: int, level: int) -> int:
    """Return how many hashes the tiles of ``level`` hold for a tree of ``size`` leaves."""
    return size >> (_HEIGHT * level)


def partial_tiles(size: int) -> Iterator[Tile]:
    """Yield the tile at the right edge of each level, lowest first; width 0 (nothing to store) is left out."""
    level = 0
    while count := level_size(size, level):
        if count % WIDTH:
            yield Tile(level, count // WIDTH, count % WIDTH)
        level += 1


# Returns the hashes (at least the tile's width of them) of one tile of level 0 or above.
ReadTile = Callable[[Tile], Sequence[bytes]]


def right_edge(size: int, read: ReadTile) -> CompactRange:
    """Return the right edge of the tree of ``size`` leaves from the partial tiles alone."""
    nodes: list[bytes] = []
    for tile in partial_tiles(size):
        hashes = list(read(tile))[: tile.width]
        if len(hashes) != tile.width:
            raise Fault(f"{tile.path} is too short.", code="tile_damaged")
        edge = CompactRange()
        edge.extend(hashes)
        nodes = edge.nodes + nodes  # a higher level is a larger subtree, hence further left
    return CompactRange(size, nodes)


def grow(size: int, leaf_hashes: Sequence[bytes], read: ReadTile) -> dict[Tile, list[bytes]]:
    """Return the tiles that change when ``leaf_hashes`` are added to a tree of ``size``, with their whole content."""
    changed: dict[Tile, list[bytes]] = {}
    level, fresh = 0, list(leaf_hashes)
    while fresh:
        count = level_size(size, level)
        number, held = divmod(count, WIDTH)
        content = list(read(Tile(level, number, held)))[:held] if held else []
        if len(content) != held:
            raise Fault(f"Tile {level}/{number} is too short.", code="tile_damaged")
        full: list[bytes] = []
        for fresh_hash in fresh:
            content.append(fresh_hash)
            if len(content) == WIDTH:
                changed[Tile(level, number)] = content
                full.append(tree_root(content))
                number, content = number + 1, []
        if content:
            changed[Tile(level, number, len(content))] = content
        level, fresh = level + 1, full
    return changed


def subtree_from(read: ReadTile) -> Subtree:
    """Return the :data:`~audit.merkle.Subtree` of a tree that stands in tiles. It reads a few tiles a proof."""
    held: dict[tuple[int, int], Sequence[bytes]] = {}

    def hashes(level: int, first: int, last: int) -> Sequence[bytes]:
        number, at = divmod(first, WIDTH)
        needed = at + last - first
        content = held.get((level, number), ())
        if len(content) < needed:
            content = held[level, number] = read(Tile(level, number, needed))
        if len(content) < needed:
            raise Fault(f"Tile {level}/{number} is too short.", code="tile_damaged")
        return content[at:needed]

    def subtree(start: int, end: int) -> bytes:
        size = end - start
        if size & (size - 1):
            middle = start + split_point(size)
            return hash_node(subtree(start, middle), subtree(middle, end))
        level = (size.bit_length() - 1) // _HEIGHT
        unit = 1 << (_HEIGHT * level)
        return tree_root(hashes(level, start // unit, end // unit))

    return subtree


def join_hashes(hashes: Iterable[bytes]) -> bytes:
    """Return the octets of a tile."""
    return b"".join(hashes)


def split_hashes(octets: bytes) -> list[bytes]:
    """Return the hashes of a tile's octets. :raises Fault: if they are no whole number of hashes."""
    if len(octets) % HASH_SIZE:
        raise Fault("A tile is not a whole number of hashes.", code="tile_damaged")
    return [octets[at : at + HASH_SIZE] for at in range(0, len(octets), HASH_SIZE)]
