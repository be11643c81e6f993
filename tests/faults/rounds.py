"""How often a harness repeats its fault: a few times in every run of the tests, many times by ``make faults``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

#: ``figure(name, value, unit)``, the fixture by which a harness tells what it measured.
Figure = Callable[[str, float, str], None]

_VARIABLE = "FAULT_ROUNDS"
_MINUTES = "FAULT_MINUTES"
_PROGRESS = "FAULT_PROGRESS"
_TOLD_EVERY = 10.0  # seconds


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


def turns(name: str, many: int) -> Iterator[int]:
    """Yield the numbers of ``many`` rounds, and tell how far it is, so that a run cut short has told what it saw.

    ``FAULT_PROGRESS`` names the file that is told, at most every ten seconds and at the end. ``FAULT_MINUTES``: after
    so many no further round begins; what was done until then counts.
    """
    began = told = time.monotonic()
    minutes = float(os.environ.get(_MINUTES) or "inf")
    for turn in range(many):
        yield turn
        now = time.monotonic()
        last = turn + 1 == many or now - began >= minutes * 60
        if last or now - told >= _TOLD_EVERY:
            tell_progress(f"{name}: {turn + 1:,} of {many:,} rounds good in {now - began:,.0f} s")
            told = now
        if last:
            return


def tell_progress(line: str) -> None:
    """Write a line to the file that ``FAULT_PROGRESS`` names, if it names one."""
    path = os.environ.get(_PROGRESS)
    if path:
        load = os.getloadavg()[0]
        with Path(path).open("a") as file:
            file.write(f"{datetime.now().astimezone():%H:%M:%S} load {load:.1f} {line}\n")


def told_figure(name: str, value: float, unit: str) -> str:
    """Return a figure as a line: whole numbers as such, others with three digits that count."""
    number = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"
    return f"{name}: {number} {unit}".rstrip()
