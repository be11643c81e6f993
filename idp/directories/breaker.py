"""A circuit breaker: what failed several times in a row is left alone for a while, then asked once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from idp.directories.errors import DirectoryError, DirectoryReason

FAILURES = 3
REST_SECONDS = 15.0


class Breaker:
    """Safe among threads.

    :param tick: seconds that only grow.
    """

    def __init__(self, *, tick: Callable[[], float] = monotonic) -> None:
        self._tick = tick
        self._lock = threading.Lock()
        self._failures = 0
        self._rests_until = 0.0
        self._probing = False

    def require_closed(self) -> None:
        """Require that it may be asked now; after a rest, by one alone until that one knows.

        :raises DirectoryError: ``resting``.
        """
        with self._lock:
            if self._failures < FAILURES:
                return
            if self._probing or self._tick() < self._rests_until:
                raise DirectoryError(DirectoryReason.RESTING)
            self._probing = True

    def note_answer(self) -> None:
        """It answered, whatever it said."""
        with self._lock:
            self._failures, self._probing = 0, False

    def note_failure(self) -> None:
        """It did not."""
        with self._lock:
            self._failures += 1
            self._probing = False
            if self._failures >= FAILURES:
                self._rests_until = self._tick() + REST_SECONDS
