"""The Merkle tree of RFC 6962 §2.1 (the same in RFC 9162): hashes, roots, proofs, and growing at the right edge."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kernel.errors import Rejected

HASH_SIZE = 32
_sha256 = hashlib.sha256
EMPTY_ROOT = hashlib.sha256(b"").digest()

# Returns the hash of the leaves [start, end), of which a proof asks in aligned pieces and at the right edge.
Subtree = Callable[[int, int], bytes]


class ProofError(Rejected):
    """A proof does not show what it is said to show."""

    default_code = "proof_invalid"


def hash_leaf(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right). The prefixes keep a node from passing as a leaf."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash over all ``leaf_hashes``."""
    tree = CompactRange()
    tree.extend(leaf_hashes)
    return tree.root()


def split_point(size: int) -> int:
    """Return the largest power of two smaller than ``size`` (``size`` at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


@dataclass
class CompactRange:
    """The right edge of a tree: roots of its perfect subtrees, largest first. Enough to append and to know the root.

    :ivar size: leaves so far; the set bits of it are the sizes of the subtrees.
    :ivar nodes: one hash a set bit.
    """

    size: int
    nodes: list[bytes]

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        if len(nodes) != size.bit_count():
            raise ValueError("a compact range has one node a set bit of its size")
        self.size = size
        self.nodes = list(nodes)

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf."""
        node, size = leaf_hash, self.size
        while size & 1:  # each trailing one is a subtree that this leaf completes
            node = hash_node(self.nodes.pop(), node)
            size >>= 1
        self.nodes.append(node)
        self.size += 1

    def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        """Add many leaves."""
        if self.size == 0:  # a level at a time: half of what one leaf after the other takes
            self.size, self.nodes = len(leaf_hashes), _perfect_subtrees(leaf_hashes)
            return
        for leaf_hash in leaf_hashes:
            self.append(leaf_hash)

    def copy(self) -> CompactRange:
        """Return an independent copy."""
        return CompactRange(self.size, self.nodes)

    def root(self) -> bytes:
        """Return the root of the tree so far."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = hash_node(node, root)
        return root


def _perfect_subtrees(leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the perfect subtrees of a tree of these leaves, largest first."""
    roots: list[bytes] = []
    level = list(leaf_hashes)
    while level:
        if len(level) & 1:
            roots.append(level.pop())
        pairs = iter(level)
        level = [_sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return roots[::-1]


def subtree_of(leaf_hashes: Sequence[bytes]) -> Subtree:
    """Return a :data:`Subtree` over leaf hashes held in memory."""
    return lambda start, end: tree_root(leaf_hashes[start:end])


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of ``size`` leaves, nearest sibling first (§2.1.1).

    :raises ProofError: if the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} has no leaf {index}.")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split_point(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return path[::-1]


def consistency_proof(old_size: int, new_size: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that the tree of ``new_size`` begins with the tree of ``old_size`` (§2.1.2).

    :raises ProofError: if ``old_size`` is larger.
    """
    if not 0 <= old_size <= new_size:
        raise ProofError(f"A tree of {new_size} does not begin with one of {old_size}.")
    if old_size in (0, new_size):
        return []
    proof: list[bytes] = []
    start, end, whole = 0, new_size, True
    while old_size != end:
        middle = start + split_point(end - start)
        if old_size <= middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(subtree(start, end))
    return proof[::-1]


def verify_inclusion(*, leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> None:
    """Check that ``leaf_hash`` is leaf ``index`` of the tree of ``size`` under ``expected_root`` (RFC 9162 §2.1.3.2).

    :raises ProofError: if it is not.
    """
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} has no leaf {index}.")
    position, last, node = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise ProofError("The proof is too long.")
        if position & 1 or position == last:
            node = hash_node(sibling, node)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            node = hash_node(node, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("The proof is too short.")
    if node != expected_root:
        raise ProofError("The proof leads to another root.")


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree under ``new_root`` begins with the one under ``old_root`` (RFC 9162 §2.1.4.2).

    :raises ProofError: if it does not.
    """
    if not 0 <= old_size <= new_size:
        raise ProofError(f"A tree of {new_size} does not begin with one of {old_size}.")
    if old_size in (0, new_size):
        if proof or old_root != (EMPTY_ROOT if old_size == 0 else new_root):
            raise ProofError("The roots of equal trees differ, or the proof is not empty.")
        return
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)  # a perfect old tree is itself the first node and left out of the proof
    if not path:
        raise ProofError("The proof is too short.")
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("The proof is too long.")
        if position & 1 or position == last:
            old, new = hash_node(sibling, old), hash_node(sibling, new)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new = hash_node(new, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("The proof is too short.")
    if old != old_root or new != new_root:
        raise ProofError("The proof leads to other roots.")
