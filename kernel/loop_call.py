"""Calls on an event loop: a call that waits for the writer is set aside, and the loop goes on with others.

A thread that waits costs nothing until it wakes: then it must have the interpreter, as must all the others that the
same commit woke. Calls on one loop hand it to each other for nothing. The code of a call is the same in both places:
plain code, in a greenlet, and where it waits for the writer (:mod:`kernel.group_commit`) control goes back to the loop.
Nothing else may wait there. What would (another connection to the database, Redis) asks for a thread, and the
call is begun again in one.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")


class NeedsThreadError(BaseException):
    """What is called for here waits, and must not on the loop. No ``Exception``: nobody but the loop may catch it."""


class LoopCall(greenlet):
    """A call in progress on a loop.

    :ivar handed_over: it has had something written; begun again, it would have it written twice.
    """

    handed_over = False


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
    assert call.parent is not None
    call.parent.switch(future)


async def run_on_loop(work: Callable[..., T], *given: Any) -> T:
    """Return what ``work`` returns; what it raises is raised.

    :raises NeedsThreadError: if ``work`` has to be begun again, in a thread.
    """
    call = LoopCall(work)
    outcome = call.switch(*given)
    while not call.dead:
        await outcome
        outcome = call.switch()
    return outcome  # type: ignore[no-any-return]


def new_future() -> tuple[AbstractEventLoop, Future[None]]:
    """Return the running loop and a future of it."""
    loop = get_running_loop()
    return loop, loop.create_future()
