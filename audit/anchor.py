"""Anchors: each checkpoint once more in files outside the database.

Who rules the database can set it back to an earlier state that fits together perfectly; these files then say that more
was signed. One line a checkpoint, ``SIZE ROOT SIGNATURE`` in base64, in one file a day.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from audit.checkpoint import Checkpoint, LogKey, verify_checkpoint, verify_note, with_signature

_LAST_LINE = 4096  # octets, more than a line is long


@dataclass(frozen=True)
class Anchor:
    """A line. ``readable`` is false when it is not of the form that is written here (cut by a crash, or edited)."""

    source: str
    size: int
    root: bytes
    signature: bytes
    readable: bool = True

    def verify(self, *, origin: str, expected_key: LogKey) -> None:
        """Check the line's signature. :raises CheckpointError: if it does not hold."""
        note = with_signature(Checkpoint(origin, self.size, self.root), expected_key, self.signature)
        verify_checkpoint(note, expected_key=expected_key, expected_origin=origin)


def anchor_of(source: str, note: str, *, key: LogKey) -> Anchor:
    """Return a checkpoint that somebody kept as an anchor. :raises CheckpointError: if ``key`` did not sign it."""
    checkpoint = verify_checkpoint(note, expected_key=key)
    return Anchor(source, checkpoint.size, checkpoint.root, verify_note(note, expected_key=key)[1])


class AnchorFolder:
    """The folder of anchor files. Only its owner can read it.

    :param folder: made when the first anchor is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, note: str, *, key: LogKey, now: datetime) -> None:
        """Write the checkpoint ``note``, on disk when this returns."""
        _, signature = verify_note(note, expected_key=key)
        _, size, root = note.split("\n", 3)[:3]
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{now:%Y-%m-%d}.txt"
        line = f"{size} {root} {base64.b64encode(signature).decode()}\n".encode()
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            end = os.fstat(descriptor).st_size
            if end and os.pread(descriptor, 1, end - 1) != b"\n":
                line = b"\n" + line  # a crash cut the line before: it stays, and is told apart when read
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def last(self) -> Anchor | None:
        """Return the newest readable anchor."""
        for path in reversed(self._files()):
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _LAST_LINE))
                lines = file.read().split(b"\n")
            for line in reversed(lines):
                anchor = _parse(line, path.name)
                if line and anchor.readable:
                    return anchor
        return None

    def set_aside(self, *, above: int, into: str) -> Path:
        """Move the lines of trees greater than ``above`` to the folder ``into`` below this one, and return it."""
        aside = self.folder / into
        for path in self._files():
            lines = path.read_bytes().splitlines(keepends=True)
            moved = [line for line in lines if _parse(line.rstrip(b"\n"), path.name).size > above]
            if not moved:
                continue
            _write_durably(aside / path.name, moved)  # first there, then no longer here
            _write_durably(path, [line for line in lines if line not in moved])
        return aside

    def add(self, other: AnchorFolder) -> int:
        """Add the lines that ``other`` has and this folder has not, in order of size within a day; return how many."""
        added = 0
        for source in other._files():
            path = self.folder / source.name
            own = path.read_bytes().splitlines() if path.exists() else []
            new = [line for line in source.read_bytes().splitlines() if line not in own]
            if new:
                ordered = sorted([*own, *new], key=lambda line: _parse(line, "").size)
                _write_durably(path, [line + b"\n" for line in ordered])
                added += len(new)
        return added

    def __iter__(self) -> Iterator[Anchor]:
        """Yield every anchor, oldest first."""
        for path in self._files():
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    yield _parse(line.rstrip(b"\n"), f"{path.name}:{number}")

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.txt")) if self.folder.is_dir() else []


def _write_durably(path: Path, lines: Sequence[bytes]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _parse(line: bytes, source: str) -> Anchor:
    try:
        size, root, signature = line.decode("ascii").split(" ")
        anchor = Anchor(
            source, int(size), base64.b64decode(root, validate=True), base64.b64decode(signature, validate=True)
        )
    except ValueError:
        return Anchor(source, -1, b"", b"", readable=False)
    return anchor if len(anchor.root) == 32 and len(anchor.signature) == 64 else Anchor(source, -1, b"", b"", False)
