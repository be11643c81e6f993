"""How long state machines run: the same walks in every run of the tests, others and many in the long one."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

from tests.faults.rounds import is_long_run, rounds


def state_settings(short: int, long: int) -> settings:
    """Return settings for so many walks."""
    return settings(
        max_examples=rounds(short, long),
        stateful_step_count=50 if is_long_run() else 20,
        deadline=None,
        derandomize=not is_long_run(),
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
