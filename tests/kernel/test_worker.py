"""The worker's loop."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from kernel.clock import ManualClock
from kernel.database import Database
from kernel.outbox import OutboxTask, Task, enqueue
from kernel.worker import PeriodicJob, Worker


def test_a_job_that_fails_stops_no_other(database: Database, clock: ManualClock) -> None:
    """One broken job must not keep the log from being sequenced."""
    ran: list[str] = []

    def fail() -> None:
        ran.append("bad")
        raise ValueError("broken")

    jobs = [
        PeriodicJob("bad", timedelta(0), fail),
        PeriodicJob("good", timedelta(0), lambda: ran.append("good")),
    ]
    worker = Worker(database=database, clock=clock, handlers={}, jobs=jobs)
    worker.run_once()
    worker.run_once()
    assert ran == ["bad", "good", "bad", "good"]


def test_a_job_waits_for_its_next_time(database: Database, clock: ManualClock) -> None:
    """Periodic work runs as often as it says, not as often as the loop turns."""
    ran: list[str] = []
    job = PeriodicJob("rare", timedelta(hours=1), lambda: ran.append("rare"))
    worker = Worker(database=database, clock=clock, handlers={}, jobs=[job])
    worker.run_once()
    worker.run_once()
    assert ran == ["rare"]


def test_a_slow_delivery_holds_up_neither_jobs_nor_mails(database: Database, clock: ManualClock) -> None:
    """Deliveries have a thread of their own: while one waits for a server, a mail goes out and a job runs."""
    begun, sent, ran = threading.Event(), threading.Event(), threading.Event()
    with database.transaction() as session:
        enqueue(session, "push", {}, now=clock.now())

    def push(task: Task) -> None:
        begun.set()
        assert sent.wait(60)
        assert ran.wait(60)
        worker.stop()

    def job() -> None:
        if begun.is_set():
            ran.set()

    worker = Worker(
        database=database,
        clock=clock,
        handlers={"mail": lambda task: sent.set()},
        deliveries={"push": push},
        jobs=[PeriodicJob("job", timedelta(0), job)],
    )
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    assert begun.wait(60)
    with database.transaction() as session:
        enqueue(session, "mail", {}, now=clock.now())
    thread.join(60)
    assert not thread.is_alive()
    with database.reading() as session:
        assert session.scalars(select(OutboxTask.kind)).all() == []


def test_a_mail_server_that_hangs_holds_up_neither_jobs_nor_deliveries(database: Database, clock: ManualClock) -> None:
    """Attacks and faults, line 23: the record is sequenced and applications are told while mails wait."""
    begun, told, ran, done, texted = (threading.Event() for _ in range(5))
    with database.transaction() as session:
        enqueue(session, "mail", {}, now=clock.now())

    def mail(task: Task) -> None:
        begun.set()
        for event in (told, ran, done, texted):
            assert event.wait(60)
        worker.stop()

    def job() -> None:
        if begun.is_set():
            ran.set()

    worker = Worker(
        database=database,
        clock=clock,
        handlers={"list": lambda task: done.set()},
        deliveries={"push": lambda task: told.set()},
        letters={"mail": mail},
        messages={"sms": lambda task: texted.set()},
        jobs=[PeriodicJob("job", timedelta(0), job)],
    )
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    assert begun.wait(60)
    with database.transaction() as session:
        enqueue(session, "push", {}, now=clock.now())
        enqueue(session, "list", {}, now=clock.now())
        enqueue(session, "sms", {}, now=clock.now())
    thread.join(60)
    assert not thread.is_alive()
    with database.reading() as session:
        assert session.scalars(select(OutboxTask.kind)).all() == []


@pytest.mark.parametrize("failing", [False, True])
def test_stopping_gives_up_what_jobs_hold(database: Database, clock: ManualClock, failing: bool) -> None:
    """A lease is released at the end, so that the next worker need not wait; a failing release holds nobody up."""
    closed: list[str] = []

    def close() -> None:
        closed.append("first")
        if failing:
            raise ValueError("broken")

    jobs = [
        PeriodicJob("first", timedelta(0), lambda: worker.stop(), close=close),
        PeriodicJob("second", timedelta(0), lambda: None, close=lambda: closed.append("second")),
    ]
    worker = Worker(database=database, clock=clock, handlers={}, jobs=jobs)
    worker.run_forever()
    assert closed == ["first", "second"]
