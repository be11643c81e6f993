"""An event loop for a test, in a thread of its own: the one that drives browsers keeps a loop in the test's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def on_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; what it raises is raised."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
