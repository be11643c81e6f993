"""What a witness remembers: of each log the newest checkpoint that it co-signed, durable before anyone hears of it."""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from kernel.errors import Fault

_FILE, _LOCK, _DRAFT = "state.json", "state.lock", "state.draft"


@dataclass(frozen=True)
class Seen:
    """The newest checkpoint of a log. ``root`` in base64; ``note`` with this witness's cosignature."""

    size: int
    root: str
    note: str

    @property
    def root_octets(self) -> bytes:
        """The root hash, 32 octets."""
        return base64.b64decode(self.root)


class WitnessState:
    """The file of a witness. Any number of threads and processes may share it.

    :param folder: exists; readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> dict[str, Seen]:
        """Return what was seen last, by origin. :raises Fault: (``state_damaged``) if the file is no state."""
        path = self._folder / _FILE
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return {}
        try:
            return {str(origin): Seen(**seen) for origin, seen in json.loads(text).items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise Fault(f"{path} cannot be read.", code="state_damaged") from error

    @contextmanager
    def changing(self) -> Iterator[dict[str, Seen]]:
        """Yield what was seen, to be changed in place: on disk, in one step, when the block ends without an error."""
        descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            state = self.read()
            before = dict(state)
            yield state
            if state != before:
                self._write(state)
        finally:
            os.close(descriptor)

    def _write(self, state: dict[str, Seen]) -> None:
        draft = self._folder / _DRAFT
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({origin: asdict(seen) for origin, seen in state.items()}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / _FILE)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
