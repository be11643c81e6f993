"""Work that costs much: a few at once, a few wait, the rest hears of it at once (attacks and faults, line 25)."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from kernel.errors import Unavailable
from kernel.turns import Turns

_LONG = timedelta(seconds=20)


class _Busy:
    """Callers who hold a turn until they are let go."""

    def __init__(self, turns: Turns, number: int) -> None:
        self.let_go = threading.Event()
        self.working = threading.Semaphore(0)
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self.threads = [threading.Thread(target=self._work, args=[turns]) for _ in range(number)]
        for thread in self.threads:
            thread.start()

    def _work(self, turns: Turns) -> None:
        with turns.turn():
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            self.working.release()
            self.let_go.wait(60)
            with self._lock:
                self._now -= 1

    def end(self) -> None:
        self.let_go.set()
        for thread in self.threads:
            thread.join()


def test_a_few_work_a_few_wait_and_the_rest_is_refused_at_once() -> None:
    """Who waits gets his turn when one is over; there is none more at work than there are turns."""
    turns = Turns(at_once=2, waiting=1, patience=_LONG)
    busy = _Busy(turns, 3)
    assert busy.working.acquire(timeout=60)
    assert busy.working.acquire(timeout=60)
    _until_refused(turns)
    busy.end()
    assert busy.most == 2
    with turns.turn():
        pass


def test_nobody_waits_longer_than_he_would_be_waited_for() -> None:
    """A turn that never comes is refused like one that is not to be had."""
    turns = Turns(at_once=1, waiting=5, patience=timedelta(seconds=0.05))
    busy = _Busy(turns, 1)
    assert busy.working.acquire(timeout=60)
    with pytest.raises(Unavailable) as refused, turns.turn():
        pass
    assert refused.value.code == "overloaded"
    busy.end()
    with turns.turn():
        pass


def test_a_turn_that_fails_is_over() -> None:
    """An error gives the turn back."""
    turns = Turns(at_once=1, waiting=0, patience=_LONG)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.turn():
            _ = 1 / 0


def _until_refused(turns: Turns) -> None:
    deadline = time.monotonic() + 60
    while turns._places.acquire(blocking=False):  # the third one does not wait yet
        turns._places.release()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(Unavailable) as refused, turns.turn():
        pass
    assert refused.value.code == "overloaded"
