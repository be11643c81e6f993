"""Values that may be a few seconds old: kept by a process, so that not every request asks for them."""

from __future__ import annotations

import time
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class ShortMemory(Generic[V]):
    """Keeps values by name for ``seconds``, at most ``most`` of them."""

    def __init__(self, *, seconds: float, most: int = 256) -> None:
        self._seconds, self._most = seconds, most
        self._held: dict[str, tuple[V, float]] = {}
        self._lock = Lock()

    def find(self, name: str) -> V | None:
        """Return what was noted less than so long ago, else None."""
        with self._lock:
            held = self._held.get(name)
        return held[0] if held is not None and held[1] > time.monotonic() else None

    def note(self, name: str, value: V) -> None:
        """Keep a value from now on."""
        with self._lock:
            if len(self._held) >= self._most:
                self._held.clear()
            self._held[name] = value, time.monotonic() + self._seconds

    def forget(self) -> None:
        """Keep nothing of what was noted: something has changed here. Other processes forget by the clock."""
        with self._lock:
            self._held.clear()
