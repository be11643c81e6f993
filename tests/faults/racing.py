"""Many senders who do one thing at the same moment, half of them at each of two processes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from kernel.clock import ManualClock
from tests.faults.rounds import is_long_run, rounds
from wsgi import create_app

T = TypeVar("T", bound=Hashable)

AT_ONCE = 50 if is_long_run() else 16
ROUNDS = rounds(1, 1000)


class Race:
    """Two applications over one database, and threads that wait for each other before they send.

    :ivar apps: each with its own engine, writer and memory, as two processes have them.
    """

    def __init__(self, apps: list[Flask], pool: ThreadPoolExecutor) -> None:
        self.apps = apps
        self._pool = pool
        self._start = threading.Barrier(AT_ONCE)

    def run(self, act: Callable[[FlaskClient, int], T]) -> Counter[T]:
        """Have every thread call ``act(client, number)`` at once, and count what they returned."""

        def one(number: int) -> T:
            client = self.apps[number % 2].test_client(use_cookies=False)
            self._start.wait(timeout=60)
            return act(client, number)

        return Counter(self._pool.map(one, range(AT_ONCE)))


@contextmanager
def run_race(composition: Composition, clock: ManualClock, *, adopt: Callable[[Composition], None]) -> Iterator[Race]:
    """Compose the service twice.

    :param adopt: gives a composition what a test has put into it in place of a part.
    """
    other = Composition(composition.settings, clock=clock)
    try:
        apps = []
        for each in (composition, other):
            adopt(each)
            apps.append(create_app(each))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield Race(apps, pool)
    finally:
        other.database.dispose()
