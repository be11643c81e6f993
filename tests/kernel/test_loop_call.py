"""Calls on an event loop: set aside while the writer works, begun again in a thread where they would wait otherwise."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial

import pytest
from sqlalchemy.orm import Session

import kernel.group_commit
from kernel.database import Database
from kernel.errors import Denied, Unavailable
from kernel.loop_call import NeedsThreadError, Threads, current_loop_call, elsewhere, is_done, run_on_loop
from tests.event_loop import on_a_loop

who: ContextVar[str] = ContextVar("who", default="nobody")


def test_the_loop_goes_on_while_a_call_waits(database: Database) -> None:
    """The writer stands still until another call of the same loop has run: that could not be if the loop waited."""
    go_on = threading.Event()

    def wait(_session: Session) -> bool:
        return go_on.wait(60)

    async def both() -> list[object]:
        waiting = asyncio.ensure_future(run_on_loop(database.together, wait))
        await asyncio.sleep(0)
        return [await run_on_loop(lambda: go_on.set()), await waiting]

    assert on_a_loop(both()) == [None, True]


def test_calls_of_a_loop_share_a_commit_and_keep_their_contexts(database: Database) -> None:
    """Each call has what it declared, as threads have."""

    def call(name: str) -> tuple[str, str]:
        who.set(name)
        return database.together(lambda _session: who.get()), who.get()

    async def many() -> list[tuple[str, str]]:
        return await asyncio.gather(*(run_on_loop(call, name) for name in "abcdefgh"))

    assert on_a_loop(many()) == [(name, name) for name in "abcdefgh"]
    assert who.get() == "nobody"


def test_an_error_reaches_the_caller(database: Database) -> None:
    """As in a thread."""

    def refuse(_session: Session) -> None:
        raise Denied("No.", code="no")

    with pytest.raises(Denied):
        on_a_loop(run_on_loop(database.together, refuse))


@pytest.mark.parametrize("of", ["reading", "transaction"])
def test_what_waits_for_a_connection_asks_for_a_thread(database: Database, of: str) -> None:
    """A database that is away would stop everyone on the loop."""

    def look() -> None:
        with getattr(database, of)():
            pytest.fail("on the loop")

    with pytest.raises(NeedsThreadError):
        on_a_loop(run_on_loop(look))


def test_a_call_that_has_written_is_never_begun_again(database: Database) -> None:
    """It reads where it is, for once: begun again, it would write twice."""
    written: list[str] = []

    def write_and_read() -> str:
        database.together(lambda _session: written.append("once"))
        with database.reading():
            return "read"

    assert on_a_loop(run_on_loop(write_and_read)) == "read"
    assert written == ["once"]


def test_a_writer_that_does_not_answer_is_not_waited_for_forever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing that is not durable is taken for it."""
    monkeypatch.setattr(kernel.group_commit, "PATIENCE_SECONDS", 0.05)
    go_on, refused = threading.Event(), asyncio.Event()

    async def call(give: Callable[[], object]) -> None:
        try:
            await run_on_loop(give)
        finally:
            refused.set()

    def wait(_session: Session) -> str:
        go_on.wait(60)
        return "too late"

    with pytest.raises(Unavailable):
        on_a_loop(call(lambda: database.together(wait)))
    go_on.set()
    monkeypatch.undo()
    assert database.together(lambda _session: "next") == "next"


def test_a_thread_is_no_call_of_a_loop(database: Database) -> None:
    """Nor is the writer's."""
    assert current_loop_call() is None
    assert database.together(lambda _session: current_loop_call()) is None


def test_what_may_wait_is_done_elsewhere_and_the_loop_goes_on(database: Database) -> None:
    """In the loop's threads, in the call's context; the call is not begun again. A plain thread does it itself."""
    go_on, begun = threading.Event(), []

    def wait() -> tuple[bool, str, bool]:
        return go_on.wait(60), who.get(), current_loop_call() is None

    def call() -> tuple[bool, str, bool]:
        begun.append(who.set("ana"))
        return elsewhere(wait)

    async def both(pool: ThreadPoolExecutor) -> tuple[bool, str, bool]:
        waiting = asyncio.ensure_future(run_on_loop(call, threads=Threads(pool, most=1)))
        await asyncio.sleep(0)
        await run_on_loop(go_on.set)
        return await waiting

    with ThreadPoolExecutor(1) as pool:
        assert on_a_loop(both(pool)) == (True, "ana", True)
    assert len(begun) == 1
    assert elsewhere(wait) == (True, "nobody", True)


def test_threads_take_no_more_than_they_may() -> None:
    """And what a thread raises reaches the caller."""

    def fail() -> None:
        raise Denied("No.", code="no")

    async def ask(pool: ThreadPoolExecutor, most: int) -> None:
        await run_on_loop(elsewhere, fail, threads=Threads(pool, most=most))

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(Denied):
            on_a_loop(ask(pool, 1))
        with pytest.raises(Unavailable):
            on_a_loop(ask(pool, 0))


def test_a_call_waits_for_another_thread_as_long_as_it_likes_and_no_longer() -> None:
    """What comes later is not waited for."""
    promise: Future[int] = Future()

    async def ask(within: float | None) -> bool:
        asyncio.get_running_loop().call_later(0.01, promise.set_result, 1)
        return await run_on_loop(partial(is_done, promise, within=within))

    assert not is_done(promise, within=0)
    assert not on_a_loop(run_on_loop(partial(is_done, promise, within=0)))
    assert on_a_loop(ask(None))
    assert is_done(promise)
