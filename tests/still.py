"""What the service takes from the machine's own clock stands still in this process: a slow machine changes no outcome.

* Requests of a network are counted in windows that are cut where a minute, an hour or a day begins, and what was
  counted before weighs less after the cut: a test that counts to sixty would meet it every now and then.
* A queue's run adds the time that it takes to the moment at which it began. Tests say themselves when that is, and for
  how long they have a task wait.
"""

from __future__ import annotations

from types import SimpleNamespace

import limits.storage.memory
import limits.strategies

import kernel.outbox
import web.rate_limit

# Where a minute, an hour and a day have just begun.
_MOMENT = 20_000 * 86_400.0


def install() -> None:
    """Stop the clocks of this process's counters and queues."""
    still = SimpleNamespace(time=lambda: _MOMENT)
    for module in (limits.storage.memory, limits.strategies, web.rate_limit):
        module.time = still  # type: ignore[attr-defined]
    kernel.outbox.monotonic = lambda: 0.0
