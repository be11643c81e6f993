"""Which tests coverage follows: it costs two thirds on top of what the tests themselves take.

Left out are the PostgreSQL twins of tests that run on SQLite too, in the houses whose lines are the same on both (the
rooms that hold the databases apart are followed on both), and tests that look at a server from outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import coverage
import pytest

_APART = ("tests/kernel/", "tests/audit/", "tests/operations/", "tests/faults/")


@contextmanager
def measured(item: pytest.Item) -> Iterator[None]:
    """Have coverage, where it is on, look away while ``item`` runs if its lines are seen elsewhere."""
    running = coverage.Coverage.current()
    if running is None or not _seen_elsewhere(item):
        yield
        return
    running.stop()
    try:
        yield
    finally:
        running.start()


def _seen_elsewhere(item: pytest.Item) -> bool:
    if item.get_closest_marker("server") or item.get_closest_marker("browser"):
        return True
    call = getattr(item, "callspec", None)
    twin = call is not None and call.params.get("database_url") == "postgresql"
    return twin and not item.nodeid.startswith(_APART)
