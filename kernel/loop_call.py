"""Calls on an event loop: a call that waits for the writer is set aside, and the loop goes on with others.

A thread that waits costs nothing until it wakes: then it must have the interpreter, as must all the others that the
same commit woke. Calls on one loop hand it to each other for nothing. The code of a call is the same in both places:
plain code, in a greenlet, and where it waits for the writer (:mod:`kernel.group_commit`) control goes back to the loop.
Nothing else may wait there. What would (another connection to the database, Redis) asks for a thread, and the
call is begun again in one; or it hands that one piece of work to a thread, and the loop goes on meanwhile.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable
from concurrent.futures import Executor, wait
from concurrent.futures import Future as Promise
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

from kernel.errors import Unavailable

T = TypeVar("T")


class NeedsThreadError(BaseException):
    """What is called for here waits, and must not on the loop. No ``Exception``: nobody but the loop may catch it."""


class Threads:
    """The threads of a loop, for what may wait.

    :param most: how much they take, what waits for one of them included.
    :ivar in_progress: how much they have; the loop alone counts.
    """

    def __init__(self, pool: Executor, *, most: int) -> None:
        self.pool = pool
        self.most = most
        self.in_progress = 0


class LoopCall(greenlet):
    """A call in progress on a loop.

    :ivar handed_over: it has had something written; begun again, it would have it written twice.
    :ivar threads: of the loop; None if it has none.
    """

    handed_over = False
    threads: Threads | None = None


def current_loop_call() -> LoopCall | None:
    """Return the call in progress, None in a plain thread."""
    current = getcurrent()
    return current if type(current) is LoopCall else None


def require_thread() -> None:
    """Declare that what follows may wait.

    :raises NeedsThreadError: on a loop, unless something was already written: then it waits there, for once.
    """
    call = current_loop_call()
    if call is not None and not call.handed_over:
        raise NeedsThreadError


def set_aside(call: LoopCall, future: Future[None]) -> None:
    """Leave ``call`` until ``future`` is done; the loop goes on meanwhile."""
    call.handed_over = True
    _leave(call, future)


def _leave(call: LoopCall, future: Future[None]) -> None:
    assert call.parent is not None
    call.parent.switch(future)


def elsewhere(work: Callable[[], T]) -> T:
    """Return what ``work``, which may wait, returns: on a loop a thread runs it, and the loop goes on meanwhile.

    :raises Unavailable: if the threads have too much to do.
    """
    call = current_loop_call()
    if call is None or call.threads is None:
        return work()
    threads = call.threads
    if threads.in_progress >= threads.most:
        raise Unavailable("Too much is waiting for a thread.", code="service_busy")
    threads.in_progress += 1
    try:
        done = threads.pool.submit(copy_context().run, work)
        is_done(done)
    finally:
        threads.in_progress -= 1
    return done.result()


def is_done(done: Promise[Any], *, within: float | None = None) -> bool:
    """Wait for what a thread does, no longer than ``within`` seconds, and tell whether it is done. A loop goes on."""
    call = current_loop_call()
    if call is None or done.done():
        return bool(wait([done], timeout=within).done)
    loop, future = new_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    def tell(_done: Promise[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(wake)

    done.add_done_callback(tell)
    patience = None if within is None else loop.call_later(within, wake)
    try:
        _leave(call, future)
    finally:
        if patience is not None:
            patience.cancel()
    return done.done()


async def run_on_loop(work: Callable[..., T], *given: Any, threads: Threads | None = None) -> T:
    """Return what ``work`` returns; what it raises is raised.

    :param threads: what runs a part of it that may wait (:func:`elsewhere`); without them it waits on the loop.
    :raises NeedsThreadError: if ``work`` has to be begun again, in a thread.
    """
    call = LoopCall(work)
    call.threads = threads
    outcome = call.switch(*given)
    while not call.dead:
        await outcome
        outcome = call.switch()
    return outcome  # type: ignore[no-any-return]


def new_future() -> tuple[AbstractEventLoop, Future[None]]:
    """Return the running loop and a future of it."""
    loop = get_running_loop()
    return loop, loop.create_future()
