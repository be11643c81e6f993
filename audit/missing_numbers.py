"""Numbers that no record carries: events that were gone before they had a place, where nothing else would show it.

Each process numbers its events and names the numbers that it did not use (:mod:`audit.numbering`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

# A transaction may still be under way when one that took a later number has its place.
PATIENCE = timedelta(minutes=10)
_MOST = 100_000  # numbers of one process; more are not told apart


@dataclass(frozen=True)
class MissingNumbers:
    """Numbers ``first`` to ``last`` of ``process``, which no record carries and none names as unused."""

    process: str
    first: int
    last: int

    def __str__(self) -> str:
        many = f"{self.first} to {self.last}" if self.last > self.first else str(self.first)
        return f"missing: number {many} of process {self.process} (removed early, or the process was killed)"


class Numbers:
    """The numbers seen so far, record by record in order of place.

    :param from_the_beginning: the first record is the log's first: each process begins with 0.
    """

    def __init__(self, *, from_the_beginning: bool) -> None:
        self._from_the_beginning = from_the_beginning
        self._highest: dict[str, int] = {}
        self._missing: dict[str, dict[int, str]] = {}
        self._newest = ""

    def note(self, leaf: bytes) -> None:
        """Take a record's numbers; one without them, of an older release or another log, says nothing."""
        try:
            told = json.loads(leaf)
            process, number, at = told["process"], told["sequence"], told["occurred_at"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if not isinstance(process, str) or type(number) is not int or not isinstance(at, str):
            return
        self._newest = max(self._newest, at)
        before = self._highest.get(process, -1 if self._from_the_beginning else number - 1)
        missing = self._missing.setdefault(process, {})
        for each in range(before + 1, min(number, before + 1 + _MOST - len(missing))):
            missing[each] = at
        self._highest[process] = max(before, number)
        for each in (number, *(told.get("unused") or ())):
            missing.pop(each, None)

    def missing(self, waiting: Iterable[bytes]) -> tuple[MissingNumbers, ...]:
        """Return what is missing for longer than a transaction takes.

        :param waiting: records that have no place yet.
        """
        for leaf in waiting:
            self.note(leaf)
        if not self._newest:
            return ()
        until = datetime.fromisoformat(self._newest) - PATIENCE
        found = []
        for process, numbers in sorted(self._missing.items()):
            late = sorted(each for each, at in numbers.items() if datetime.fromisoformat(at) <= until)
            for _, run in groupby(enumerate(late), key=lambda pair: pair[1] - pair[0]):
                together = [number for _, number in run]
                found.append(MissingNumbers(process, together[0], together[-1]))
        return tuple(found)
