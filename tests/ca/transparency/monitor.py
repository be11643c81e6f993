"""A monitor of the log as a stranger would write one from the C2SP pages: hashlib, base64, and nothing of ours."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Fetch = Callable[[str], bytes]


def read_checkpoint(note: str, key: str) -> tuple[str, int, bytes]:
    """Check the signature (C2SP signed-note) and return origin, size and root."""
    name, _, encoded = key.strip().split("+", 2)
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
    text, signatures = note.split("\n\n", 1)
    [line] = [line for line in signatures.splitlines() if line.startswith(f"\u2014 {name} ")]
    public.verify(base64.b64decode(line.rsplit(" ", 1)[1])[4:], (text + "\n").encode())
    origin, size, root = text.split("\n")[:3]
    return origin, int(size), base64.b64decode(root)


def read_entries(fetch: Fetch, size: int) -> list[bytes]:
    """Fetch all entries (C2SP tlog-tiles, "Log Entries")."""
    entries = []
    for path in tile_paths("entries", size):
        bundle = fetch(path)
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            entries.append(bundle[2 : 2 + length])
            bundle = bundle[2 + length :]
    return entries


def read_leaf_hashes(fetch: Fetch, size: int) -> list[bytes]:
    """Fetch the tiles of level 0."""
    octets = b"".join(fetch(path) for path in tile_paths("0", size))
    return [octets[at : at + 32] for at in range(0, len(octets), 32)]


def tile_paths(level: str, size: int) -> list[str]:
    """The addresses of a level's tiles for a tree below a million leaves."""
    paths = []
    for number in range(-(-size // 256)):
        digits = f"{number:03d}" if number < 1000 else f"x{number // 1000:03d}/{number % 1000:03d}"
        width = min(256, size - number * 256)
        paths.append(f"tile/{level}/{digits}" + (f".p/{width}" if width < 256 else ""))
    return paths


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962 \u00a72.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def root_of(hashes: list[bytes]) -> bytes:
    """RFC 6962 \u00a72.1, word for word."""
    if len(hashes) == 1:
        return hashes[0]
    if not hashes:
        return hashlib.sha256(b"").digest()
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + root_of(hashes[:split]) + root_of(hashes[split:])).digest()


def root_by_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 6962 \u00a72.1.1 backwards: the root that an audit path leads to."""
    if size == 1:
        assert not path
        return leaf
    split = 1
    while split * 2 < size:
        split *= 2
    if index < split:
        left, right = root_by_path(leaf, index, split, path[:-1]), path[-1]
    else:
        left, right = path[-1], root_by_path(leaf, index - split, size - split, path[:-1])
    return hashlib.sha256(b"\x01" + left + right).digest()
