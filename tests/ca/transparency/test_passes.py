"""Passes over the log are shared by those who ask at the same moment."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, current_thread

import pytest

from ca.transparency.passes import Passes
from kernel.loop_call import is_done, run_on_loop
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
        with passes._one_at_a_time:  # no pass begins before all of them wait for it
            calls = [run_on_loop(passes.join, lambda: runs.append(current_thread())) for _ in range(8)]
            waiting = [asyncio.ensure_future(call) for call in calls]
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)

    on_a_loop(all_of_them())
    assert len(runs) == 1
    assert runs[0] is not current_thread()


def test_a_pass_that_was_begun_before_it_is_needed_is_the_one_that_is_waited_for() -> None:
    """Who stored something begins it; who asks for it later waits for its end, and runs none."""
    passes, runs = Passes(), []

    def store() -> Future[None] | None:
        return passes.begin(lambda: runs.append(1))

    async def both() -> None:
        coming = await run_on_loop(store)
        assert coming is not None
        assert await run_on_loop(is_done, coming)

    on_a_loop(both())
    assert runs == [1]
    assert passes.begin(lambda: runs.append(2)) is None, "a thread waits when it needs one"
