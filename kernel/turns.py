"""Turns for work that costs much: a few at once, a few more wait, the rest is told at once to come back later.

Without them a flood of one kind of request takes every thread and the memory with it, and waits longer than anyone who
sent it: what costs little, and what was begun, no longer gets done.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from kernel.errors import Unavailable


class Turns:
    """Turns of one kind of work in a process. Safe among threads.

    :param at_once: how many work at the same time. :param waiting: how many more may wait for their turn.
    :param patience: how long they wait.
    """

    def __init__(self, *, at_once: int, waiting: int, patience: timedelta) -> None:
        self._free = threading.Semaphore(at_once)
        self._places = threading.Semaphore(at_once + waiting)
        self._patience = patience.total_seconds()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Be among those who work or wait, while the block runs: for whoever must not be refused half way.

        :raises Unavailable: (``overloaded``) if too many are.
        """
        if not self._places.acquire(blocking=False):
            raise _overloaded()
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def turn(self, *, placed: bool = False) -> Iterator[None]:
        """Work while the block runs.

        :param placed: the caller has a :meth:`place` already.
        :raises Unavailable: (``overloaded``) if too many wait already, or no turn comes.
        """
        with nullcontext() if placed else self.place():
            if not self._free.acquire(timeout=self._patience):
                raise _overloaded()
            try:
                yield
            finally:
                self._free.release()


def _overloaded() -> Unavailable:
    return Unavailable("Too much is to be done at the moment.", code="overloaded")
