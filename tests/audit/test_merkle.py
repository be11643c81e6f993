"""The tree against published vectors, and its laws on random trees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import (
    EMPTY_ROOT,
    CompactRange,
    ProofError,
    consistency_proof,
    hash_leaf,
    hash_node,
    inclusion_proof,
    split_point,
    subtree_of,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves and roots that implementations of RFC 6962 have tested against since Certificate Transparency began.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(min_value=1, max_value=600)


def hashes(size: int) -> list[bytes]:
    return [hash_leaf(index.to_bytes(4, "big")) for index in range(size)]


def by_definition(leaf_hashes: list[bytes]) -> bytes:
    """MTH as RFC 6962 §2.1 writes it, with nothing clever."""
    if not leaf_hashes:
        return EMPTY_ROOT
    if len(leaf_hashes) == 1:
        return leaf_hashes[0]
    k = split_point(len(leaf_hashes))
    return hash_node(by_definition(leaf_hashes[:k]), by_definition(leaf_hashes[k:]))


def test_known_roots() -> None:
    """RFC 6962 §2.1: the roots of the published leaves."""
    leaf_hashes = [hash_leaf(leaf) for leaf in LEAVES]
    assert [tree_root(leaf_hashes[: size + 1]).hex() for size in range(8)] == ROOTS
    assert tree_root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_known_inclusion_proof() -> None:
    """RFC 6962 §2.1.3: the published path of leaf 0 in the tree of 8."""
    path = inclusion_proof(0, 8, subtree_of([hash_leaf(leaf) for leaf in LEAVES]))
    assert [node.hex() for node in path] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


def test_known_consistency_proof() -> None:
    """RFC 6962 §2.1.3: the published proof between the trees of 6 and 8."""
    proof = consistency_proof(6, 8, subtree_of([hash_leaf(leaf) for leaf in LEAVES]))
    assert [node.hex() for node in proof] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(SIZES)
def test_growing_leaf_by_leaf_is_the_definition(size: int) -> None:
    """A compact range has the root that §2.1 defines."""
    assert tree_root(hashes(size)) == by_definition(hashes(size))


@given(st.data(), SIZES)
def test_every_leaf_has_a_proof_that_verifies(data: st.DataObject, size: int) -> None:
    """§2.1.1: a proof for each leaf, no longer than the tree is high."""
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    leaf_hashes = hashes(size)
    proof = inclusion_proof(index, size, subtree_of(leaf_hashes))
    assert len(proof) <= (size - 1).bit_length()
    verify_inclusion(
        leaf_hash=leaf_hashes[index], index=index, size=size, proof=proof, expected_root=tree_root(leaf_hashes)
    )


@given(st.data(), SIZES)
def test_a_changed_inclusion_proof_is_refused(data: st.DataObject, size: int) -> None:
    """RFC 9162 §2.1.3.2: other leaf, other index, missing, extra or changed node."""
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    leaf_hashes = hashes(size)
    root, proof = tree_root(leaf_hashes), inclusion_proof(index, size, subtree_of(leaf_hashes))
    bad: list[tuple[bytes, int, list[bytes]]] = [
        (hash_leaf(b"other"), index, proof),
        (leaf_hashes[index], index, [*proof, hash_leaf(b"more")]),
        (leaf_hashes[index], size, proof),
        (leaf_hashes[index], -1, proof),
    ]
    if proof:
        at = data.draw(st.integers(min_value=0, max_value=len(proof) - 1))
        bad.append((leaf_hashes[index], index, proof[:-1]))
        bad.append((leaf_hashes[index], index, [*proof[:at], hash_leaf(b"wrong"), *proof[at + 1 :]]))
        bad.append((leaf_hashes[index], index ^ 1, proof))
    for leaf_hash, claimed, path in bad:
        with pytest.raises(ProofError):
            verify_inclusion(leaf_hash=leaf_hash, index=claimed, size=size, proof=path, expected_root=root)


@given(st.data(), SIZES)
def test_each_tree_is_consistent_with_its_beginnings(data: st.DataObject, size: int) -> None:
    """§2.1.2: a proof for every pair of sizes; a changed history has none."""
    old = data.draw(st.integers(min_value=0, max_value=size))
    leaf_hashes = hashes(size)
    proof = consistency_proof(old, size, subtree_of(leaf_hashes))
    roots = {"old_root": tree_root(leaf_hashes[:old]), "new_root": tree_root(leaf_hashes)}
    verify_consistency(old_size=old, new_size=size, proof=proof, **roots)
    forged = hash_leaf(b"forged")
    with pytest.raises(ProofError):
        verify_consistency(old_size=old, new_size=size, proof=proof, **{**roots, "old_root": forged})
    if old:
        with pytest.raises(ProofError):
            verify_consistency(old_size=old, new_size=size, proof=proof, **{**roots, "new_root": forged})
    with pytest.raises(ProofError):
        verify_consistency(old_size=old, new_size=size, proof=[*proof, forged], **roots)
    if proof:
        with pytest.raises(ProofError):
            verify_consistency(old_size=old, new_size=size, proof=proof[:-1], **roots)


def test_no_proof_of_a_leaf_or_tree_that_is_not_there() -> None:
    """Out of range is an error, not an empty proof."""
    subtree = subtree_of(hashes(4))
    with pytest.raises(ProofError):
        inclusion_proof(4, 4, subtree)
    with pytest.raises(ProofError):
        consistency_proof(5, 4, subtree)
    with pytest.raises(ValueError, match="one node"):
        CompactRange(3, [b"x"])
