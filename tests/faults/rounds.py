"""How often a harness repeats its fault: a few times in every run of the tests, many times by ``make faults``."""

from __future__ import annotations

import os
from collections.abc import Callable

#: ``figure(name, value, unit)``, the fixture by which a harness tells what it measured.
Figure = Callable[[str, float, str], None]

_VARIABLE = "FAULT_ROUNDS"


def rounds(short: int, long: int) -> int:
    """Return how many rounds to go.

    ``FAULT_ROUNDS`` in the environment: unset means ``short``, ``long`` means ``long``, a number is that number.
    """
    asked = os.environ.get(_VARIABLE, "")
    if not asked:
        return short
    return long if asked == "long" else max(1, int(asked))


def is_long_run() -> bool:
    """Tell whether somebody asked for the rounds that are too long for every run."""
    return bool(os.environ.get(_VARIABLE))


def told_figure(name: str, value: float, unit: str) -> str:
    """Return a figure as a line: whole numbers as such, others with three digits that count."""
    number = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"
    return f"{name}: {number} {unit}".rstrip()
