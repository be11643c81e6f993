"""A provider that hangs keeps few threads busy, and soon none (attacks and faults, line 23)."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from idp.broker.bounds import AT_ONCE, UpstreamBounds
from idp.broker.unavailable import UpstreamUnavailableError
from idp.levels.circuit import FAILURES, PAUSE
from kernel.errors import Unavailable

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)


def _ask(bounds: UpstreamBounds, *, reason: str | None = None, provider: str = "salud", now: datetime = NOW) -> str:
    """Ask once; return the reason of the failure, if any."""
    try:
        with bounds.asking(provider, now=now):
            if reason:
                raise UpstreamUnavailableError(reason)
    except UpstreamUnavailableError as error:
        return error.reason
    return ""


def test_after_three_silences_nobody_waits_for_it_and_then_one_tries() -> None:
    """Another provider is not concerned; who finds it well opens it to everybody."""
    bounds = UpstreamBounds()
    assert [_ask(bounds, reason="timed_out") for _ in range(FAILURES)] == ["timed_out"] * FAILURES
    assert _ask(bounds) == "resting"
    assert _ask(bounds, provider="educación") == ""
    later = NOW + PAUSE
    assert _ask(bounds, reason="timed_out", now=later) == "timed_out"
    assert _ask(bounds, now=later + timedelta(seconds=1)) == "resting"
    assert [_ask(bounds, now=later + PAUSE) for _ in range(2)] == ["", ""]


def test_codes_that_it_refuses_do_not_close_it() -> None:
    """Or anybody could shut an institution out by coming back with nonsense."""
    bounds = UpstreamBounds()
    for _ in range(2 * FAILURES):
        assert _ask(bounds, reason="code_refused") == "code_refused"
    with pytest.raises(ValueError, match="wrong"), bounds.asking("salud", now=NOW):
        raise ValueError("wrong")
    assert _ask(bounds) == ""


def test_few_wait_for_it_at_once() -> None:
    """The fifth is told after a moment, and that is no failure of the provider."""
    bounds = UpstreamBounds()
    with ExitStack() as waiting:
        for _ in range(AT_ONCE):
            waiting.enter_context(bounds.asking("salud", now=NOW))
        assert [_ask(bounds) for _ in range(2)] == ["busy"] * 2
    assert _ask(bounds) == ""


def test_what_is_ours_and_away_is_told_as_ours_and_says_nothing_about_the_provider() -> None:
    """A database that does not answer in the middle is no busy provider, and opens or closes nothing."""
    bounds = UpstreamBounds()
    assert [_ask(bounds, reason="timed_out") for _ in range(FAILURES - 1)] == ["timed_out"] * (FAILURES - 1)
    for _ in range(FAILURES):
        with pytest.raises(Unavailable) as told, bounds.asking("salud", now=NOW):
            raise Unavailable("The database does not answer.", code="database_away")
        assert told.value.code == "database_away"
    assert _ask(bounds, reason="timed_out") == "timed_out"
    assert _ask(bounds) == "resting"
