"""Passes over the log are shared by those who ask at the same moment."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event, current_thread

import pytest

from ca.transparency.passes import Passes
from kernel.loop_call import run_on_loop
from tests.event_loop import on_a_loop


def test_who_comes_while_a_pass_runs_shares_the_next() -> None:
    """What was committed after a pass began may not be in it; everybody's is in the one after."""
    passes, begun, go_on, runs = Passes(), Event(), Event(), []

    def run() -> None:
        runs.append(1)
        begun.set()
        assert go_on.wait(60)

    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(passes.join, run)
        assert begun.wait(60)
        others = [threads.submit(passes.join, run) for _ in range(5)]
        assert not any(each.done() for each in others)
        go_on.set()
        for each in (first, *others):
            each.result(60)
    assert len(runs) in (2, 3)  # a thread that had not come to wait yet has its own


def test_a_pass_that_fails_is_told_to_whoever_ran_it_and_holds_up_nobody() -> None:
    """The next one is run as ever."""
    passes, runs = Passes(), []

    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        passes.join(fail)
    passes.join(lambda: runs.append(1))
    assert runs == [1]


def test_calls_of_a_loop_share_a_pass_and_leave_the_loop_to_others() -> None:
    """One of them begins it, in a thread that is nobody else's."""
    passes, runs = Passes(), []

    async def all_of_them() -> None:
        await asyncio.gather(*(run_on_loop(passes.join, lambda: runs.append(current_thread())) for _ in range(8)))

    on_a_loop(all_of_them())
    assert len(runs) == 1
    assert runs[0] is not current_thread()
