"""An exported log, read back."""

from __future__ import annotations

import base64
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from audit.anchor import Anchor
from audit.checkpoint import CheckpointError, LogKey
from audit.log_source import Row, StoredCheckpoint, StoredHead
from audit.merkle import EMPTY_ROOT, CompactRange
from audit.tiles import ENTRY_LIMIT, Tile
from kernel.errors import Fault, Rejected

README, LEEME, KEY, CERTIFICATES, WITNESSES, CHECKPOINTS, LEAVES, HASHES, PROOFS = (
    "README.txt",
    "LEEME.txt",
    "log-key.txt",
    "log-key.pem",
    "witnesses.txt",
    "checkpoints.jsonl",
    "leaves.jsonl",
    "leaf-hashes.txt",
    "proofs/",
)
#: What reading a packed file that others made can end in: cut, damaged, encrypted, of another kind, nested without end.
UNREADABLE = (
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, RecursionError),
    *(KeyError, TypeError, ValueError, OverflowError),
)
_PAGE = 1000


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
        except (*UNREADABLE, CheckpointError) as error:
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
        try:
            line = self._stream.readline(ENTRY_LIMIT + 2)
        except UNREADABLE as error:
            raise Rejected(f"{self._name} cannot be read after line {self._at}.", code="bad_bundle") from error
        self._at += bool(line)
        return line


def _row(index: int, line: bytes) -> Row:
    try:
        name = str(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        name = None
    return Row(index, name, line)


def _read_checkpoint(line: bytes) -> StoredCheckpoint:
    document = json.loads(line)
    return StoredCheckpoint(
        int(document["size"]), base64.b64decode(document["root"], validate=True), str(document["note"])
    )
