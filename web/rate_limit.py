"""Limits by network address for views, in memory or in Redis. Limits by account are rows of the provider.

In memory every process counts for itself, so N workers let N times as much through; with more than one node set
``SAU_REDIS_URL``. If Redis does not answer, counting goes on in memory: sign-in never stops because a counter did.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import timedelta
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

import structlog
from flask import request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from kernel.errors import Throttled
from kernel.loop_call import require_thread
from kernel.origin import current_origin
from kernel.settings import Settings
from web.client_address import network_of
from web.refusals import report_refusal
from web.state import web_state

P = ParamSpec("P")
R = TypeVar("R")
_Question = Callable[[SlidingWindowCounterRateLimiter, RateLimitItem, tuple[str, ...]], timedelta | None]

_log = structlog.get_logger("web.rate_limit")
_ONE_REPORT = parse("1 per minute")


class RateLimitedError(Throttled):
    """More requests from one network than the view allows."""

    default_code = "rate_limited"


class RateLimits:
    """The counters of one application.

    :param redis_url: where counters are shared; empty: in this process.
    :param enabled: false counts nothing (benchmarks).
    """

    def __init__(self, *, redis_url: str, enabled: bool) -> None:
        self.enabled = enabled
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = SlidingWindowCounterRateLimiter(storage_from_string(redis_url)) if redis_url else None

    @classmethod
    def from_settings(cls, settings: Settings) -> RateLimits:
        """Return counters as ``settings`` want them."""
        return cls(redis_url=settings.redis_url, enabled=settings.rate_limits == "on")

    def hit(self, rule: RateLimitItem, *key: str) -> timedelta | None:
        """Count one use of ``key``; return how long to wait if that was one too many, else ``None``."""
        return self._ask(_hit, rule, key)

    def spent(self, rule: RateLimitItem, *key: str) -> timedelta | None:
        """Return how long to wait if ``key`` has no use left, else ``None``; nothing is counted."""
        return self._ask(_spent, rule, key)

    def _ask(self, question: _Question, rule: RateLimitItem, key: tuple[str, ...]) -> timedelta | None:
        if not self.enabled:
            return None
        if self._shared is not None:
            require_thread()
            try:
                return question(self._shared, rule, key)
            except Exception as error:
                _log.warning("rate_limit_storage_unreachable", error=type(error).__name__)
        return question(self._here, rule, key)


def limit(
    rule: str, *, methods: Collection[str] = ("POST",), key: Callable[[], str] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a view: at most ``rule`` (``"10 per minute"``) for each client network, else 429 with the wait.

    Stands below ``@blueprint.route``. Several may be stacked.

    :param methods: what counts; by default only what changes something.
    :param key: what is counted instead of the client's network; public values only.
    """
    item = parse(rule)

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        name = f"{view.__module__}.{view.__qualname__}"

        @wraps(view)
        def limited(*args: P.args, **kwargs: P.kwargs) -> R:
            if request.method in methods:
                check_limit(item, name, key() if key else network_of(current_origin().address))
            return view(*args, **kwargs)

        return limited

    return decorate


def check_limit(rule: RateLimitItem | str, name: str, key: str) -> None:
    """Count one use of ``key`` under ``name``.

    The refusal is put on record once a minute for each key: a flood must not become a flood of records.

    :raises RateLimitedError: if that was one too many.
    """
    item = parse(rule) if isinstance(rule, str) else rule
    wait = web_state().limits.hit(item, name, key)
    if wait is not None:
        _refuse(item, name, key, wait)


def count(rule: RateLimitItem, name: str, key: str) -> None:
    """Count one failure of ``key`` under ``name``; :func:`require_not_spent` refuses those that come after too many."""
    web_state().limits.hit(rule, name, key)


def require_not_spent(rule: RateLimitItem, name: str, key: str) -> None:
    """Check that :func:`count` has not counted too many of ``key``. Counts nothing.

    :raises RateLimitedError: if it has; on record as :func:`check_limit` does it.
    """
    wait = web_state().limits.spent(rule, name, key)
    if wait is not None:
        _refuse(rule, name, key, wait)


def _refuse(item: RateLimitItem, name: str, key: str, wait: timedelta) -> NoReturn:
    limits = web_state().limits
    if limits.hit(_ONE_REPORT, "report", name, key) is None:
        report_refusal("rate_limited", {"rule": str(item)})
    raise RateLimitedError("Too many requests; wait and try again.", retry_after=wait)


def _hit(limiter: SlidingWindowCounterRateLimiter, rule: RateLimitItem, key: tuple[str, ...]) -> timedelta | None:
    if limiter.hit(rule, *key):
        return None
    return _wait(limiter, rule, key)


def _spent(limiter: SlidingWindowCounterRateLimiter, rule: RateLimitItem, key: tuple[str, ...]) -> timedelta | None:
    return None if limiter.test(rule, *key) else _wait(limiter, rule, key)


def _wait(limiter: SlidingWindowCounterRateLimiter, rule: RateLimitItem, key: tuple[str, ...]) -> timedelta:
    reset_at = limiter.get_window_stats(rule, *key).reset_time
    return timedelta(seconds=max(1, round(reset_at - time.time())))
