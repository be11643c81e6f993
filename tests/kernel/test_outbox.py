"""Background work: at least once, one worker at a time, and a failure stops nothing else."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from kernel.clock import ManualClock
from kernel.database import Database
from kernel.errors import Unavailable
from kernel.outbox import LEASE_LIFETIME, MAX_ATTEMPTS, OutboxTask, Task, enqueue, run_due
from kernel.worker import PeriodicJob, Worker


def _enqueue(database: Database, clock: ManualClock, number: int = 1, **more: object) -> list[str]:
    with database.transaction() as session:
        return [enqueue(session, "mail", {"n": n}, now=clock.now(), **more) for n in range(number)]  # type: ignore[arg-type]


def _rows(database: Database) -> list[OutboxTask]:
    with database.reading() as session:
        rows = list(session.scalars(select(OutboxTask)))
        session.expunge_all()
        return rows


def test_finished_work_is_gone(database: Database, clock: ManualClock) -> None:
    """The handler gets kind, payload and the id that stays the same."""
    ids = _enqueue(database, clock, 3)
    seen: list[Task] = []
    assert run_due(database, {"mail": seen.append}, now=clock.now()) == 3
    assert sorted(task.id for task in seen) == sorted(ids)
    assert {task.payload["n"] for task in seen} == {0, 1, 2}
    assert _rows(database) == []


def test_work_of_a_transaction_that_failed_is_never_done(database: Database, clock: ManualClock) -> None:
    """No mail about what did not happen."""
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        enqueue(session, "mail", {}, now=clock.now())
        _ = 1 / 0
    assert run_due(database, {"mail": lambda task: None}, now=clock.now()) == 0


def test_work_waits_until_it_is_due(database: Database, clock: ManualClock) -> None:
    """And kinds without a handler here wait for a worker that has one."""
    _enqueue(database, clock, due_at=clock.now() + timedelta(hours=1))
    assert run_due(database, {"mail": lambda task: None}, now=clock.now()) == 0
    clock.advance(timedelta(hours=1))
    assert run_due(database, {"text": lambda task: None}, now=clock.now()) == 0
    assert run_due(database, {"mail": lambda task: None}, now=clock.now()) == 1


def test_a_failure_is_tried_again_later_and_stops_no_other(database: Database, clock: ManualClock) -> None:
    """2, 4, 8 … seconds; what is kept of the error is its type, for its text may quote the payload."""
    _enqueue(database, clock, 2)

    def fail_first(task: Task) -> None:
        if task.payload["n"] == 0:
            raise ConnectionRefusedError("password hunter2 refused")

    assert run_due(database, {"mail": fail_first}, now=clock.now()) == 1
    (row,) = _rows(database)
    assert (row.attempts, row.last_error, row.leased_until) == (1, "ConnectionRefusedError", None)
    assert run_due(database, {"mail": fail_first}, now=clock.now()) == 0
    assert clock.now() + timedelta(seconds=2) <= row.due_at < clock.now() + timedelta(seconds=4)


def test_what_fails_too_often_stays_for_the_operator(database: Database, clock: ManualClock) -> None:
    """It is neither lost nor tried for ever."""
    _enqueue(database, clock)

    def fail(task: Task) -> None:
        raise OSError

    for _ in range(MAX_ATTEMPTS + 3):
        run_due(database, {"mail": fail}, now=clock.advance(timedelta(hours=2)))
    assert [row.attempts for row in _rows(database)] == [MAX_ATTEMPTS]


def test_a_worker_that_died_loses_its_lease(database: Database, clock: ManualClock) -> None:
    """The task runs again when the lease has run out, and not before."""
    _enqueue(database, clock)

    def die(task: Task) -> None:
        raise KeyboardInterrupt  # as kill -9 does: nothing is written afterwards

    with pytest.raises(KeyboardInterrupt):
        run_due(database, {"mail": die}, now=clock.now())
    assert run_due(database, {"mail": lambda task: None}, now=clock.advance(LEASE_LIFETIME / 2)) == 0
    assert run_due(database, {"mail": lambda task: None}, now=clock.advance(LEASE_LIFETIME)) == 1


def test_a_late_failure_does_not_end_the_lease_of_the_next_worker(database: Database, clock: ManualClock) -> None:
    """The first worker was so slow that a second one has the task now: the first may not give it away."""
    _enqueue(database, clock)

    def slow(task: Task) -> None:
        with pytest.raises(KeyboardInterrupt):
            run_due(database, {"mail": _interrupt}, now=clock.advance(2 * LEASE_LIFETIME))
        raise OSError

    run_due(database, {"mail": slow}, now=clock.now())
    (row,) = _rows(database)
    assert row.attempts == 2
    assert row.leased_until is not None


def _interrupt(task: Task) -> None:
    raise KeyboardInterrupt


def test_eight_workers_do_each_task_once(database: Database, clock: ManualClock) -> None:
    """A lease has exactly one winner."""
    ids = _enqueue(database, clock, 40)
    done: Counter[str] = Counter()
    lock, start = threading.Lock(), threading.Barrier(8)

    def handle(task: Task) -> None:
        with lock:
            done[task.id] += 1

    def work() -> None:
        start.wait()
        run_due(database, {"mail": handle}, now=clock.now())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == Counter(dict.fromkeys(ids, 1))


def test_the_worker_runs_jobs_when_due_and_survives_their_failures(database: Database, clock: ManualClock) -> None:
    """One that raises is logged; the others and the outbox go on."""
    ran: list[str] = []

    def unavailable() -> None:
        ran.append("unavailable")
        raise Unavailable

    def broken() -> None:
        ran.append("broken")
        raise ZeroDivisionError

    jobs = [PeriodicJob(job.__name__, timedelta(hours=1), job) for job in (unavailable, broken)]
    _enqueue(database, clock)
    worker = Worker(database=database, clock=clock, handlers={"mail": lambda task: ran.append("mail")}, jobs=jobs)
    assert worker.run_once()
    assert not worker.run_once()
    assert ran == ["unavailable", "broken", "mail"]


def test_the_worker_stops_when_told(database: Database, clock: ManualClock) -> None:
    """Within a step."""
    worker = Worker(database=database, clock=clock, handlers={}, jobs=[])
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    worker.stop()
    thread.join(60)
    assert not thread.is_alive()
