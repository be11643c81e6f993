"""Work of many threads in one transaction: durable before anyone hears of it, and nobody pays for another's mistake."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.orm import Session

from kernel.database import Database
from kernel.errors import Conflict, Rejected, Unavailable
from kernel.outbox import OutboxTask
from kernel.prefetch import Want

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
who: ContextVar[str] = ContextVar("who", default="nobody")


def add(session: Session, name: str) -> str:
    """Write a row called ``name``."""
    values = {"id": name, "kind": "kind", "payload": {}, "created_at": MOMENT, "due_at": MOMENT, "attempts": 0}
    session.execute(insert(OutboxTask).values(**values))
    return name


def names(database: Database) -> list[str]:
    """Return the rows that were committed."""
    with database.reading() as session:
        return sorted(session.scalars(select(OutboxTask.id)))


def at_once(database: Database, *work: Callable[[Session], Any]) -> list[Any]:
    """Hand all of ``work`` over while the writer is busy, so that it is one batch; return values and errors."""
    begun, go_on = threading.Event(), threading.Event()

    def occupy(session: Session) -> None:
        session.execute(text("SELECT 1"))
        begun.set()
        assert go_on.wait(60)

    def outcome(each: Callable[[Session], Any]) -> Any:
        try:
            return database.together(each)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(work) + 1) as pool:
        first = pool.submit(database.together, occupy)
        assert begun.wait(60)
        outcomes = []
        for number, each in enumerate(work, 1):
            outcomes.append(pool.submit(outcome, each))
            while database._group_commit._queue.qsize() < number:
                threading.Event().wait(0.001)
        go_on.set()
        first.result(60)
        return [each.result(60) for each in outcomes]


def test_what_waits_is_committed_together(database: Database) -> None:
    """Ten threads, one commit."""
    commits: list[object] = []
    event.listen(database.engine, "commit", commits.append)
    done = at_once(database, *(lambda session, n=n: add(session, f"{n}") for n in range(10)))
    assert done == [f"{n}" for n in range(10)]
    assert names(database) == sorted(done)
    assert len(commits) == 2  # the one that kept the writer busy, and the batch


def test_a_refusal_that_commits_is_durable_and_alone(database: Database) -> None:
    """As in a transaction of its own: what it recorded stays, and it is raised after the commit."""

    def refuse(session: Session) -> None:
        add(session, "refused")
        raise Rejected("no", commits=True)

    done = at_once(database, lambda session: add(session, "a"), refuse, lambda session: add(session, "b"))
    assert isinstance(done[1], Rejected)
    assert names(database) == ["a", "b", "refused"]


@pytest.mark.parametrize("place", range(4))
def test_an_error_undoes_its_own_work_and_no_others(database: Database, place: int) -> None:
    """The batch is repeated by halves until the bad one is alone."""

    def fail(session: Session) -> None:
        add(session, "bad")
        raise Conflict("changed meanwhile")

    work: list[Callable[[Session], Any]] = [lambda session, n=n: add(session, f"{n}") for n in range(3)]
    work.insert(place, fail)
    done = at_once(database, *work)
    assert isinstance(done[place], Conflict)
    assert names(database) == ["0", "1", "2"]


def test_a_statement_that_the_database_refuses_costs_only_its_sender(database: Database) -> None:
    """A broken transaction would otherwise take everyone in it along."""
    done = at_once(
        database,
        lambda session: add(session, "a"),
        lambda session: session.execute(text("SELECT * FROM no_such_table")),
        lambda session: add(session, "a"),
        lambda session: add(session, "b"),
    )
    assert [isinstance(each, Exception) for each in done] == [False, True, True, False]
    assert names(database) == ["a", "b"]


def test_of_many_at_once_exactly_one_wins(database: Database) -> None:
    """A conditional UPDATE holds within a batch, too."""
    database.together(lambda session: add(session, "single"))

    def consume(session: Session) -> int:
        claim = update(OutboxTask).where(OutboxTask.id == "single", OutboxTask.attempts == 0).values(attempts=1)
        return len(session.execute(claim.returning(OutboxTask.id)).all())

    assert sorted(at_once(database, *[consume] * 20)) == [0] * 19 + [1]


def test_work_runs_in_the_context_of_its_caller(database: Database) -> None:
    """Evidence names the request that a piece of work belongs to."""

    def call(name: str) -> str:
        who.set(name)
        return database.together(lambda _session: who.get())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, "abcdefgh")) == list("abcdefgh")


def test_a_lost_connection_is_never_answered_by_doing_it_again(database: Database) -> None:
    """Nobody knows whether what was sent has been committed; the next batch finds a connection."""
    runs: list[str] = []

    def lose(session: Session) -> None:
        runs.append("run")
        add(session, "lost")
        driver: Any = session.connection().connection.driver_connection
        driver.close()
        session.execute(text("SELECT 1"))

    if database.is_sqlite:
        pytest.skip("SQLite has no connection to lose")
    with pytest.raises(Unavailable):
        database.together(lose)
    assert runs == ["run"]
    assert database.together(lambda session: add(session, "next")) == "next"
    assert names(database) == ["next"]


def test_rows_that_several_want_are_read_once(database: Database) -> None:
    """One statement for all work of a batch, its keys sorted."""
    asked: list[list[str]] = []

    def read(_session: Session, keys: Any) -> None:
        asked.append(list(keys))

    begun, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(database.together, lambda _session: (begun.set(), go_on.wait(60)))
        assert begun.wait(60)
        others = [pool.submit(database.together, lambda _session: None, [Want(read, key)]) for key in "cab"]
        while database._group_commit._queue.qsize() < 3:
            threading.Event().wait(0.001)
        go_on.set()
        for each in (first, *others):
            each.result(60)
    assert asked == [["a", "b", "c"]]


def test_the_writer_rests_and_begins_again(database: Database) -> None:
    """After it was closed, and after a while without work, it takes work as before."""
    database.together(lambda session: add(session, "a"))
    database._group_commit.close()
    assert database._group_commit._thread is None
    database.together(lambda session: add(session, "b"))
    assert names(database) == ["a", "b"]


def test_who_was_answered_together_is_waited_for(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch goes off when as many are there as came the last time, without waiting for the moment to be over."""
    commits: list[object] = []
    event.listen(database.engine, "commit", commits.append)
    at_once(database, *(lambda session, n=n: add(session, f"{n}") for n in range(3)))
    commits.clear()
    monkeypatch.setattr("kernel.group_commit.COMPANY_SECONDS", 1000.0)
    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(database.together, lambda session, n=n: add(session, f"{n}")) for n in range(3, 6)]
        assert [each.result(60) for each in done] == ["3", "4", "5"]
    assert len(commits) == 1


def test_nobody_is_waited_for_longer_than_a_moment(database: Database) -> None:
    """Whoever does not come again holds nobody up, and is expected less each time; who is alone waits for nobody."""
    at_once(database, *(lambda session, n=n: add(session, f"{n}") for n in range(3)))
    assert database._group_commit._expected == 3
    for left in (2, 1, 1):
        database.together(lambda session: session.execute(text("SELECT 1")))
        assert database._group_commit._expected == left


def test_who_is_alone_waits_for_nobody(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle service answers at once."""
    monkeypatch.setattr("kernel.group_commit.COMPANY_SECONDS", 1000.0)
    for name in ("a", "b"):
        assert database.together(lambda session, name=name: add(session, name)) == name
