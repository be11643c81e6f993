"""Answers that are held back on purpose: on the event loop, where waiting keeps no thread and no transaction.

Only a simulation asks for it, for an application in a sandbox. A process holds few at once; what is more goes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

MOST_HELD, LONGEST = 8, 10.0
_KEY = "sau.hold_seconds"


def hold_answer(environ: dict[str, Any], seconds: float) -> None:
    """Have the answer to the request of ``environ`` held. A server without an event loop sends it at once."""
    environ[_KEY] = min(seconds, LONGEST)


class HeldAnswers:
    """How many answers a process holds now. For the one thread of its loop."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep, self._held = sleep, 0

    async def wait(self, environ: Mapping[str, Any]) -> None:
        """Wait for as long as was asked for, unless as many wait already."""
        seconds: float | None = environ.get(_KEY)
        if seconds is None or self._held >= MOST_HELD:
            return
        self._held += 1
        try:
            await self._sleep(seconds)
        finally:
            self._held -= 1
