"""A server that keeps failing is left alone for a while: people get a plain page at once instead of waiting for it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

FAILURES = 3
PAUSE = timedelta(seconds=30)


class Circuit:
    """Counts failures in a row, in this process. After :data:`FAILURES` it stays open for :data:`PAUSE`, then lets one
    caller try."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_again_at: datetime | None = None

    def lets_through(self, now: datetime) -> bool:
        """Tell whether the server may be asked now; of those who come after the pause, one may."""
        with self._lock:
            if self._closed_again_at is None:
                return True
            if now < self._closed_again_at:
                return False
            self._closed_again_at = now + PAUSE
            return True

    def failed(self, now: datetime) -> None:
        """Count a failure."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES:
                self._closed_again_at = now + PAUSE

    def succeeded(self) -> None:
        """Forget the failures: the server answers."""
        with self._lock:
            self._failures, self._closed_again_at = 0, None
