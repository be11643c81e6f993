"""The log as one file that anyone can keep and check: leaves, signed heads, the public key, and how to."""

from __future__ import annotations

import base64
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.anchor import Anchor
from audit.checkpoint import CheckpointError, LogKey
from audit.log_source import Row, StoredCheckpoint, StoredHead
from audit.merkle import EMPTY_ROOT, CompactRange, hash_leaf
from audit.model import AUDIT_TABLES, LogTables
from audit.tiles import ENTRY_LIMIT, Tile
from audit.tree_store import require_checkpoint
from audit.verification import Progress
from kernel.errors import Conflict, Fault, Rejected

README, KEY, CHECKPOINTS, LEAVES, HASHES = (
    "README.txt",
    "log-key.txt",
    "checkpoints.jsonl",
    "leaves.jsonl",
    "leaf-hashes.txt",
)
_PAGE = 1000
_INSTRUCTIONS = """\
{title} {origin}: {size} records.

{leaves}       one record a line, in the order of the log; line N (from 0) is leaf N of a Merkle tree (RFC 6962)
{hashes}    hex of SHA-256(0x00 || line without its newline), a line each; tells which record was changed
{checkpoints}  the signed heads, smallest tree first; "note" is a C2SP tlog-checkpoint
{key}         the public key of the log (C2SP signed-note, Ed25519). Compare it with one that you got elsewhere.

To check it by yourself: python verify_log.py THIS-FILE (Python 3 and its package "cryptography" are enough), or
{command} --bundle THIS-FILE --key KEY.

{privacy}
"""


@dataclass(frozen=True)
class Description:
    """What a bundle's instructions say of its log."""

    title: str
    command: str
    privacy: str


AUDIT_LOG = Description(
    "Audit log of",
    "sau audit verify",
    "Personal data in records stands as commitments and ciphertext; the keys are not here.",
)


def export_log(
    session: Session,
    path: Path,
    *,
    log_key: LogKey,
    progress: Progress | None = None,
    tables: LogTables = AUDIT_TABLES,
    description: Description = AUDIT_LOG,
) -> int:
    """Write the log up to its newest checkpoint to ``path`` and return the number of records.

    :raises NotFound: (``no_checkpoint``). :raises Conflict: (``file_exists``).
    """
    size = require_checkpoint(session, tables).size
    names = {"leaves": LEAVES, "hashes": HASHES, "checkpoints": CHECKPOINTS, "key": KEY}
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Conflict(f"{path} exists already.", code="file_exists") from error
    with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(README, _INSTRUCTIONS.format(origin=log_key.name, size=size, **names, **asdict(description)))
        bundle.writestr(KEY, f"{log_key}\n")
        with bundle.open(CHECKPOINTS, "w") as lines:
            for document in _checkpoints(session, tables, size):
                lines.write(json.dumps(document).encode() + b"\n")
        with bundle.open(LEAVES, "w", force_zip64=True) as lines:
            for done, leaf in enumerate(_leaves(session, tables, size), 1):
                lines.write(leaf + b"\n")
                if progress and (done % _PAGE == 0 or done == size):
                    progress(done, size)
        with bundle.open(HASHES, "w", force_zip64=True) as lines:
            for leaf in _leaves(session, tables, size):
                lines.write(hash_leaf(leaf).hex().encode() + b"\n")
    return size


def _checkpoints(session: Session, tables: LogTables, size: int) -> Iterator[dict[str, object]]:
    table = tables.checkpoint
    found = session.execute(select(table.size, table.root, table.note).where(table.size <= size).order_by(table.size))
    for each, root, note in found:
        yield {"size": each, "root": base64.b64encode(root).decode(), "note": note}


def _leaves(session: Session, tables: LogTables, size: int) -> Iterator[bytes]:
    entry = tables.entry
    for start in range(0, size, _PAGE):
        yield from session.scalars(
            select(entry.leaf)
            .where(entry.log_index >= start, entry.log_index < min(size, start + _PAGE))
            .order_by(entry.log_index)
        )


class BundleLog:
    """An exported log as :class:`~audit.log_source.LogSource`. Nothing is written to disk.

    :raises Rejected: (``bad_bundle``) if the file is none.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = zipfile.ZipFile(path)
            self.stated_key = LogKey.parse(self._file.read(KEY).decode())
            self._checkpoints = [_read_checkpoint(line) for line in self._file.read(CHECKPOINTS).splitlines()]
            self._leaf_lines = _Lines(self._file, LEAVES)
            self._hash_lines = _Lines(self._file, HASHES)
        except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile, CheckpointError) as error:
            raise Rejected(f"{path} is no exported log.", code="bad_bundle") from error

    def head(self) -> StoredHead:
        """The newest checkpoint that the bundle states."""
        if not self._checkpoints:
            return StoredHead(self.stated_key.name, 0, EMPTY_ROOT)
        last = self._checkpoints[-1]
        return StoredHead(self.stated_key.name, last.size, last.root)

    def checkpoints(self) -> Sequence[StoredCheckpoint]:
        """See :meth:`audit.log_source.LogSource.checkpoints`."""
        return self._checkpoints

    def anchors(self) -> Sequence[Anchor]:
        """A bundle has none."""
        return ()

    def rows(self, start: int, stop: int) -> list[Row]:
        """See :meth:`audit.log_source.LogSource.rows`. An event's name is what its leaf says."""
        return [_row(index, line) for index, line in enumerate(self._leaf_lines.between(start, stop), start)]

    def leaf_hashes(self, start: int, stop: int) -> list[bytes]:
        """See :meth:`audit.log_source.LogSource.leaf_hashes`."""
        hashes = []
        for line in self._hash_lines.between(start, stop):
            try:
                hashes.append(bytes.fromhex(line.decode("ascii")))
            except ValueError:
                hashes.append(b"")  # fits nothing
        return hashes

    def strays(self, size: int) -> Iterator[Row]:
        """Yield the lines after the last that the tree has."""
        index = size
        while lines := self._leaf_lines.between(index, index + _PAGE):
            yield from (_row(at, line) for at, line in enumerate(lines, index))
            index += len(lines)

    def upper_tiles(self) -> Iterator[tuple[Tile, bytes]] | None:
        """A bundle has none."""
        return None

    def edge(self, size: int) -> CompactRange:
        """A bundle is always verified from its beginning."""
        if size:
            raise Fault("A bundle is verified from its beginning.", code="tile_damaged")
        return CompactRange()


class _Lines:
    """Lines of a packed file by number; forwards it is read once."""

    def __init__(self, bundle: zipfile.ZipFile, name: str) -> None:
        self._bundle = bundle
        self._name = name
        self._at = 0
        self._stream: IO[bytes] = bundle.open(name)

    def between(self, start: int, stop: int) -> list[bytes]:
        if start < self._at:
            self._stream, self._at = self._bundle.open(self._name), 0
        while self._at < start:
            if not self._next():
                return []
        lines = []
        while self._at < stop and (line := self._next()):
            lines.append(line.removesuffix(b"\n"))
        return lines

    def _next(self) -> bytes:
        line = self._stream.readline(ENTRY_LIMIT + 2)
        self._at += bool(line)
        return line


def _row(index: int, line: bytes) -> Row:
    try:
        name = str(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError):
        name = None
    return Row(index, name, line)


def _read_checkpoint(line: bytes) -> StoredCheckpoint:
    document = json.loads(line)
    return StoredCheckpoint(
        int(document["size"]), base64.b64decode(document["root"], validate=True), str(document["note"])
    )
