"""Tiles: addresses as C2SP tlog-tiles writes them, and the tree rebuilt from nothing but tiles."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.merkle import consistency_proof, hash_leaf, inclusion_proof, subtree_of, tree_root
from audit.tiles import (
    Tile,
    grow,
    partial_tiles,
    right_edge,
    subtree_from,
)
from kernel.errors import NotFound

LEAVES = [hash_leaf(index.to_bytes(4, "big")) for index in range(70_000)]


class Shelf:
    """Tiles by level and number, as the database keeps them: the widest only."""

    def __init__(self) -> None:
        self.content: dict[tuple[int, int], list[bytes]] = {}

    def read(self, tile: Tile) -> Sequence[bytes]:
        assert tile.level is not None
        return self.content.get((tile.level, tile.number), [])

    def add(self, size: int, leaf_hashes: list[bytes]) -> None:
        for tile, content in grow(size, leaf_hashes, self.read).items():
            assert tile.level is not None
            assert len(content) == tile.width
            self.content[tile.level, tile.number] = content


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(2, 999, 1), "tile/2/999.p/1"),
        (Tile(63, 1000, 255), "tile/63/x001/000.p/255"),
        (Tile(None, 5, 17), "tile/entries/005.p/17"),
    ],
)
def test_addresses(tile: Tile, path: str) -> None:
    """tlog-tiles "Merkle Tree": three digits an element, all but the last with an x, width of a partial tile."""
    assert tile.path == path
    assert Tile.parse(path.removeprefix("tile/")) == tile


@pytest.mark.parametrize(
    "path",
    [
        "0/0",
        "0/0000",
        "00/000",
        "64/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/x000/001",
        "0/001/002",
        "entries/-01",
        "0/000/",
        "../000",
        "0/٠٠٠",
    ],
)
def test_refuses_other_spellings(path: str) -> None:
    """One tile has one address, or caches hold it twice."""
    with pytest.raises(NotFound):
        Tile.parse(path)


def test_the_tiles_of_a_tree_of_70000() -> None:
    """tlog-tiles "Partial Tiles": the example of the specification."""
    shelf = Shelf()
    shelf.add(0, LEAVES)
    widths = {level: [] for level in range(3)}  # type: dict[int, list[int]]
    for (level, _), content in sorted(shelf.content.items()):
        widths[level].append(len(content))
    assert widths == {0: [256] * 273 + [112], 1: [256, 17], 2: [1]}
    assert list(partial_tiles(70_000)) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(partial_tiles(256)) == [Tile(1, 0, 1)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=900), min_size=1, max_size=6), st.data())
def test_a_tree_grown_in_batches_is_the_tree(batches: list[int], data: st.DataObject) -> None:
    """Roots and proofs from tiles equal those from all leaves, however the leaves came."""
    shelf, size = Shelf(), 0
    for batch in batches:
        shelf.add(size, LEAVES[size : size + batch])
        size += batch
        assert right_edge(size, shelf.read).root() == tree_root(LEAVES[:size])
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    old = data.draw(st.integers(min_value=0, max_value=size))
    assert inclusion_proof(index, size, subtree_from(shelf.read)) == inclusion_proof(
        index, size, subtree_of(LEAVES[:size])
    )
    assert consistency_proof(old, size, subtree_from(shelf.read)) == consistency_proof(
        old, size, subtree_of(LEAVES[:size])
    )
    assert right_edge(old, shelf.read).root() == tree_root(LEAVES[:old])
