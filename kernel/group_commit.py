"""One writer for all threads of a process: what waits at the same moment is committed together.

A commit is durable when the disk has said so, and costs the same for one operation as for twenty. A thread hands its
operation over and waits; the writer takes all that has gathered, runs each in the order in which it came, in one
transaction, and wakes them when it is committed.

Who was answered together asks again at about the same moment. So the writer waits a moment for as many as came the last
time: half-filled batches cost as much as full ones. Who is alone waits for nobody.
"""

from __future__ import annotations

import threading
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import Context, copy_context
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.orm import Session

from kernel.errors import ServiceError, Unavailable
from kernel.late_rows import commit_rows
from kernel.loop_call import LoopCall, current_loop_call, new_future, set_aside
from kernel.prefetch import Want, prefetch

try:
    import fcntl
except ImportError:  # pragma: no cover - the lock between processes is that of SQLite alone
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")
Work = Callable[[Session], T]

MOST_TOGETHER = 64
MOST_WAITING = 1000
PATIENCE_SECONDS = 40.0
MOST_TRIES = 3
COMPANY_SECONDS = 0.002
_IDLE_SECONDS = 60.0
_REST_SECONDS = 1.0

_log = structlog.get_logger("kernel.group_commit")


class _Operation(Generic[T]):
    """One caller's work and what became of it.

    :ivar settled: the outcome is known and, if it is a good one, durable.
    """

    __slots__ = ("_call", "_done", "_error", "_value", "context", "future", "loop", "settled", "wants", "work")

    def __init__(self, work: Work[T], wants: Sequence[Want]) -> None:
        self.work = work
        self.wants = wants
        self.context: Context = copy_context()
        self.loop: AbstractEventLoop | None = None
        self._value: T | None = None
        self._error: BaseException | None = None
        self.settled = False
        self._call = current_loop_call()
        if self._call is None:
            self._done = threading.Lock()
            self._done.acquire()
        else:
            self.loop, self.future = new_future()

    def note(self, value: T | None, error: BaseException | None) -> None:
        """Keep the outcome; the caller hears of it when it is durable."""
        self._value, self._error = value, error

    def release(self) -> None:
        """Wake the caller, if it is a thread."""
        self._done.release()

    def wait(self) -> T:
        """Return what the work returned, or raise what it raised, once that is durable."""
        if self._call is not None:
            self._wait_on_loop(self._call)
        else:
            self._done.acquire(timeout=PATIENCE_SECONDS)
        if not self.settled:
            raise Unavailable("The database does not answer.", code="database_unavailable")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def _wait_on_loop(self, call: LoopCall) -> None:
        assert self.loop is not None
        patience = self.loop.call_later(PATIENCE_SECONDS, _wake, [self])
        try:
            set_aside(call, self.future)
        finally:
            patience.cancel()


def _release(operations: Iterable[_Operation[Any]]) -> None:
    """Wake the callers of operations whose outcome is known: threads one by one, those on a loop together."""
    on_loop: dict[AbstractEventLoop, list[_Operation[Any]]] = {}
    for operation in operations:
        operation.settled = True
        if operation.loop is None:
            with suppress(RuntimeError):  # it was released already
                operation.release()
        else:
            on_loop.setdefault(operation.loop, []).append(operation)
    for loop, together in on_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_wake, together)


def _wake(operations: Sequence[_Operation[Any]]) -> None:
    for operation in operations:
        if not operation.future.done():
            operation.future.set_result(None)


class GroupCommit:
    """The writer of one engine, with a thread and a connection of its own while there is work.

    :param transaction: opens a transaction, see :meth:`kernel.database.Database.transaction`.
    :param lock_file: taken by each batch where the database lets one process write at a time (SQLite, whose own way to
        wait is to sleep and try again); None elsewhere.
    """

    def __init__(
        self,
        engine: Engine,
        transaction: Callable[[Connection], AbstractContextManager[Session]],
        *,
        lock_file: Path | None = None,
    ) -> None:
        self._transaction = transaction
        self._lock_file = lock_file
        self._queue: SimpleQueue[_Operation[Any] | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._engine = engine
        self._connection: Connection | None = None
        self._used_at = 0.0
        self._expected = 1
        self._lingering = False
        self._company = threading.Lock()
        self._writes = _WriteCounter(engine)

    def perform(self, work: Work[T], wants: Sequence[Want] = ()) -> T:
        """Run ``work`` in a transaction that it may share with others' work, and return what it returned.

        As in ``Database.transaction``, an error undoes what the work wrote, except a ``ServiceError`` that commits.
        The work runs in the caller's context, in another thread, and may run twice: what else it touches bears that.

        :param wants: rows that the work is going to read, so that those of all work are read together.
        :raises Unavailable: if the database does not answer; whether the work was committed is then unknown.
        """
        if self._queue.qsize() >= MOST_WAITING:
            raise Unavailable("Too much is waiting to be written.", code="database_busy")
        operation = _Operation(work, wants)
        with self._starting:
            self._queue.put(operation)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="group-commit", daemon=True)
                self._thread.start()
        if self._lingering and self._queue.qsize() >= self._expected - 1:
            with suppress(RuntimeError):  # another caller was as quick
                self._company.release()
        return operation.wait()

    def close(self) -> None:
        """End the thread when what waits is done. The writer may be used again."""
        with self._starting:
            thread = self._thread
            if thread is not None:
                self._queue.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join(PATIENCE_SECONDS)

    def _write(self) -> None:
        while True:
            batch = self._gather()
            if not batch:
                return
            try:
                self._run(batch)
            except BaseException as error:  # whatever it was, nobody may wait forever
                _log.exception("group_commit_failed")
                for operation in batch:
                    operation.note(None, Unavailable("The work was not done.", code="database_unavailable"))
                _release(batch)
                if not isinstance(error, Exception):
                    raise

    def _gather(self) -> list[_Operation[Any]]:
        """Return what waits, at least one operation; nothing when it is time to end."""
        try:
            first = self._queue.get(timeout=_IDLE_SECONDS)
        except Empty:
            first = None
        if first is None:
            with self._starting:  # nobody hands anything over meanwhile
                if self._queue.empty():
                    self._thread = None
                    self._disconnect()
                    return []
            first = self._queue.get()
            if first is None:
                return self._gather()
        self._await_company()
        batch = [first]
        while len(batch) < MOST_TOGETHER:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                self._queue.put(None)
                break
            batch.append(following)
        self._expected = max(len(batch), self._expected * 3 // 4)
        return batch

    def _await_company(self) -> None:
        """Wait until as many are there as lately came together, or a moment is over."""
        if self._queue.qsize() >= self._expected - 1:
            return
        self._company.acquire(blocking=False)
        self._lingering = True
        try:
            if self._queue.qsize() < self._expected - 1:  # whoever came before saw nobody linger
                self._company.acquire(timeout=COMPANY_SECONDS)
        finally:
            self._lingering = False

    def _run(self, batch: list[_Operation[Any]], tries: int = 1) -> None:
        """Commit the batch, or find out which operation of it stands in the others' way."""
        try:
            self._commit(batch)
        except Unavailable as error:
            if getattr(error, "undone", False) and tries < MOST_TRIES:
                return self._run(batch, tries + 1)
            # A lost connection is ambiguous: what was sent may have been committed, so nothing is sent again.
            self._disconnect()
            for operation in batch:
                operation.note(None, error)
        except Exception as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                self._run(batch[:middle])
                self._run(batch[middle:])
                return None
            batch[0].note(None, error.error if isinstance(error, _UndoError) else error)
        _release(batch)
        return None

    def _commit(self, batch: list[_Operation[Any]]) -> None:
        with locked(self._lock_file), self._transaction(self._connect()) as session:
            prefetch(session, [want for operation in batch for want in operation.wants])
            for operation in batch:
                self._run_one(session, operation)
            session.flush()
            commit_rows(session)
        self._used_at = time.monotonic()

    def _connect(self) -> Connection:
        """Return the writer's connection; one that has rested is given back to the pool, which tries it before use."""
        if self._connection is not None and time.monotonic() - self._used_at > _REST_SECONDS:
            self._disconnect()
        if self._connection is None:
            try:
                self._connection = self._engine.connect()
            except (DBAPIError, TimeoutError) as error:
                raise Unavailable("The database does not answer.", code="database_unavailable") from error
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _run_one(self, session: Session, operation: _Operation[Any]) -> None:
        before = self._writes.count
        try:
            operation.note(operation.context.run(operation.work, session), None)
        except DBAPIError:
            raise  # the transaction is broken for everyone in it
        except Exception as error:
            commits = isinstance(error, ServiceError) and error.commits
            if not commits and (self._writes.count != before or _has_unwritten(session)):
                raise _UndoError(error) from error
            operation.note(None, error)


class _UndoError(Exception):
    """An operation failed after it had written something: all of its transaction must be undone."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _WriteCounter:
    """Counts statements that may write, as the writer's own thread sends them."""

    def __init__(self, engine: Engine) -> None:
        self._local = threading.local()
        event.listen(engine, "before_cursor_execute", self._see)

    @property
    def count(self) -> int:
        """How many so far in this thread."""
        return getattr(self._local, "count", 0)

    def _see(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("SELECT"):
            self._local.count = self.count + 1


def _has_unwritten(session: Session) -> bool:
    return bool(session.new or session.dirty or session.deleted or session.info.get("late_rows"))


@contextmanager
def locked(file: Path | None) -> Iterator[None]:
    """Hold the lock between processes, or none where none is needed."""
    if file is None or fcntl is None:
        yield
        return
    with file.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
