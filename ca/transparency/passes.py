"""Passes over what waits, shared by those of a process that ask for one at the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock

import structlog

from kernel.loop_call import current_loop_call, is_done

# A pass costs the same for one entry as for fifty: after one, the next waits for company. Passes take a twentieth of a
# process's time at most, by what they compute: who waits for the interpreter or the database keeps nobody from it.
_REST_SECONDS, _LONGEST_REST_SECONDS, _REST_TIMES = 0.05, 0.5, 19


_log = structlog.get_logger("ca.transparency")


class Passes:
    """One pass at a time; who comes while one runs waits for the next, whoever runs it. Who waits holds no loop."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._one_at_a_time = Lock()
        self._next: Future[None] | None = None
        self._next_at = 0.0
        self._thread: ThreadPoolExecutor | None = None

    def join(self, run: Callable[[], None]) -> None:
        """Return when a pass that began after this call is over, run by this thread or another.

        What another's pass raised is raised there: whoever needs to know looks for its outcome.
        """
        coming, begins = self._coming()
        if begins and current_loop_call() is None:
            return self._pass(coming, run)
        if begins:
            self._begin(coming, run)
        is_done(coming)
        return None

    def begin(self, run: Callable[[], None]) -> Future[None] | None:
        """Have a pass begin after this call, and return what is done when it is over; None where only threads wait."""
        if current_loop_call() is None:
            return None
        coming, begins = self._coming()
        if begins:
            self._begin(coming, run)
        return coming

    def _coming(self) -> tuple[Future[None], bool]:
        """Return the pass that has not begun, and whether the caller has to see to it."""
        with self._lock:
            begins = self._next is None
            if self._next is None:
                self._next = Future()
            return self._next, begins

    def _begin(self, coming: Future[None], run: Callable[[], None]) -> None:
        # By a thread of its own: those that answer requests may all be waiting for this very pass.
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="certificate-log")
        self._thread.submit(copy_context().run, self._pass, coming, run).add_done_callback(_note)

    def _pass(self, this: Future[None], run: Callable[[], None]) -> None:
        try:
            with self._one_at_a_time:
                time.sleep(max(0.0, self._next_at - time.monotonic()))
                self._close(this)
                before = time.thread_time()
                try:
                    run()
                finally:
                    taken = time.thread_time() - before
                    rest = min(_LONGEST_REST_SECONDS, max(_REST_SECONDS, _REST_TIMES * taken))
                    self._next_at = time.monotonic() + rest
        finally:
            self._close(this)
            this.set_result(None)

    def _close(self, this: Future[None]) -> None:
        """Who comes from now on waits for another pass."""
        with self._lock:
            if self._next is this:
                self._next = None


def _note(done: Future[None]) -> None:
    """Who waited looks for the outcome; what went wrong is told here."""
    error = done.exception()
    if error is not None:
        _log.error("certificate_log_pass_failed", exc_info=error)
