"""Each process numbers its events: one that went missing before it had its place in the log leaves a gap.

A number whose transaction was undone is named as unused by the process's next event, so that a gap without a word is an
event that was written and is gone (or the last ones of a process that was killed).
"""

from __future__ import annotations

import os
from collections import deque
from itertools import count

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from kernel.identifiers import new_id

_KEY = "audit_numbers"
_MOST_UNUSED = 64  # named by one event; the next one names the rest
_NAME_LENGTH = 16  # of an identifier: the moment to the millisecond, and 30 random bits


class Numbering:
    """The numbers of one process; a fork begins its own."""

    def __init__(self) -> None:
        self._begin()

    def take(self, session: Session) -> dict[str, object]:
        """Return what a leaf of this transaction says: ``process``, ``sequence`` and, if there are any, ``unused``."""
        if os.getpid() != self._pid:
            self._begin()
        number = next(self._numbers)
        told: dict[str, object] = {"process": self.process, "sequence": number}
        unused = self._take_unused() if self._unused else []
        if unused:
            told["unused"] = unused
        if not session.in_transaction():  # nothing was asked of the database yet, and then no end would be heard of
            session.begin()
        taken = session.info.setdefault(_KEY, [])
        taken.append((session.get_nested_transaction(), self._unused, (number, *unused)))
        return told

    def _begin(self) -> None:
        self._pid = os.getpid()
        self.process = new_id()[:_NAME_LENGTH]
        self._numbers = count()
        self._unused: deque[int] = deque()  # threads add and take without a lock

    def _take_unused(self) -> list[int]:
        taken: list[int] = []
        try:
            while len(taken) < _MOST_UNUSED:
                taken.append(self._unused.popleft())
        except IndexError:
            pass
        return sorted(taken)


def _keep(session: Session) -> None:
    session.info.pop(_KEY, None)


def _give_back(session: Session, ended: SessionTransaction) -> None:
    """Note the numbers of a transaction that ended without a commit, or of a savepoint that was rolled back."""
    taken = session.info.pop(_KEY, None)
    if not taken:
        return
    kept = []
    for each in taken:
        within, unused, numbers = each
        if ended.nested and within is not ended:
            kept.append(each)
        else:
            unused.extend(numbers)
    if kept:
        session.info[_KEY] = kept


def _at_end(session: Session, ended: SessionTransaction) -> None:
    if ended.parent is None:
        _give_back(session, ended)


event.listen(Session, "after_commit", _keep)
event.listen(Session, "after_soft_rollback", _give_back)
event.listen(Session, "after_transaction_end", _at_end)
