"""What the outside linter said of a shape is remembered, and asked again now and then."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Lock

import structlog

from ca.lints.case import LintCase
from ca.lints.finding import Finding, blocking
from ca.lints.shape import Shape, shape_of, varying_texts

MOST_SHAPES = 512
#: One in so many certificates of a known shape is judged by itself all the same.
ASKED_AGAIN = 128

_log = structlog.get_logger("ca.lints")
OutsideLint = Callable[[LintCase], Iterable[Finding]]


class Verdicts:
    """The verdicts of one process.

    :param doubt: tells whether this one is asked again.
    """

    def __init__(self, doubt: Callable[[], bool] = lambda: secrets.randbelow(ASKED_AGAIN) == 0) -> None:
        self._doubt = doubt
        self._held: OrderedDict[tuple[OutsideLint, Shape], tuple[Finding, ...]] = OrderedDict()
        self._lock = Lock()

    def of(self, case: LintCase, lint: OutsideLint) -> tuple[Finding, ...]:
        """Return what ``lint`` says of the certificate, or said of one of its shape.

        Only what lets a certificate pass is remembered: one that is stopped was looked at itself.
        """
        shape = shape_of(case)
        if shape is None:
            return tuple(lint(case))
        key = (lint, shape)
        with self._lock:
            known = self._held.get(key)
            if known is not None:
                self._held.move_to_end(key)
        if known is not None and not self._doubt():
            return known
        found = tuple(lint(case))
        if known is not None and found != known:
            _log.error("lint_verdict_differs", profile=case.profile.name, codes=[each.code for each in found])
            with self._lock:
                self._held.clear()
        elif not blocking(found) and not _quotes(found, varying_texts(case)):
            with self._lock:
                self._held[key] = found
                while len(self._held) > MOST_SHAPES:
                    self._held.popitem(last=False)
        return found


def _quotes(findings: Iterable[Finding], texts: Iterable[str]) -> bool:
    return any(text in finding.message for finding in findings for text in texts if text)
