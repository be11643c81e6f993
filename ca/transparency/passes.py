"""Passes over what waits, shared by the threads of a process that ask for one at the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Condition

# A pass costs the same for one entry as for fifty: after one, the next waits for company. On a machine that has much
# to do passes take longer, and then more come together: they take a tenth of the time at most.
_REST_SECONDS, _LONGEST_REST_SECONDS, _REST_TIMES = 0.1, 0.5, 9


class Passes:
    """One pass at a time; who comes while one runs waits for the next, whoever runs it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._begun = self._done = 0
        self._running = False
        self._next_at = 0.0

    def join(self, run: Callable[[], None]) -> None:
        """Return when a pass that began after this call is over, run by this thread or another.

        What another thread's pass raised is raised there: whoever needs to know looks for its outcome.
        """
        with self._changed:
            wanted = self._begun + 1
            while self._running and self._done < wanted:
                self._changed.wait()
            if self._done >= wanted:
                return
            self._running = True
        begun_at = 0.0
        try:
            time.sleep(max(0.0, self._next_at - time.monotonic()))
            with self._changed:
                self._begun += 1
            begun_at = time.monotonic()
            run()
        finally:
            ended_at = time.monotonic()
            rest = min(_LONGEST_REST_SECONDS, max(_REST_SECONDS, _REST_TIMES * (ended_at - begun_at)))
            with self._changed:
                self._done, self._running, self._next_at = self._begun, False, ended_at + rest
                self._changed.notify_all()
