"""A database server that is away or says nothing: a bounded answer, and back by itself (attacks and faults, 23)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from kernel import absent_database
from kernel.absent_database import Absence
from kernel.database import Database
from kernel.errors import Unavailable
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.relay import Relay, run_relay

pytestmark = pytest.mark.server
_SILENCE = timedelta(seconds=0.4)


@pytest.fixture
def relay(postgresql: PostgreSqlServer) -> Iterator[Relay]:
    """The way to the database server."""
    with run_relay(postgresql.port) as relay:
        yield relay


@pytest.fixture
def distant(postgresql: PostgreSqlServer, relay: Relay) -> Iterator[Database]:
    """A database at the end of it."""
    name = postgresql.create_database()
    database = Database(f"postgresql+psycopg://postgres@127.0.0.1:{relay.port}/{name}")
    database.bound_silence(_SILENCE)
    _until_it_answers(lambda: _ask(database))
    yield database
    database.dispose()


def _ask(database: Database) -> None:
    with database.reading() as session:
        session.execute(text("SELECT 1"))


def _write(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("SELECT 1"))


def _write_together(database: Database) -> None:
    database.together(lambda session: session.execute(text("SELECT 1")).all())


@pytest.mark.parametrize("use", [_ask, _write, _write_together])
def test_a_silent_server_is_waited_for_within_bounds(
    distant: Database, relay: Relay, use: Callable[[Database], None]
) -> None:
    """Whoever asks hears that it does not answer; when it answers again, so do we."""
    _until_it_answers(lambda: use(distant))
    relay.silent = True
    rescue = threading.Timer(30, lambda: setattr(relay, "silent", False))  # what hangs after all ends, and fails
    rescue.start()
    with pytest.raises(Unavailable):
        use(distant)
    assert relay.silent
    rescue.cancel()
    relay.silent = False
    _until_it_answers(lambda: use(distant))


def test_a_long_silence_in_the_middle_of_a_transaction_ends_it(distant: Database, relay: Relay) -> None:
    """The thread that waits is set free; nothing of its work is there."""
    with pytest.raises(Unavailable), distant.transaction() as session:
        session.execute(text("CREATE TABLE half (a int)"))
        relay.silent = True
        session.execute(text("SELECT 1"))
    relay.silent = False
    _until_it_answers(lambda: _ask(distant))
    with pytest.raises(Exception, match="half"), distant.reading() as session:
        session.execute(text("SELECT * FROM half"))


def test_one_that_works_and_one_that_rests_are_left_alone(distant: Database) -> None:
    """Silence counts in the middle of a command only, and what answers within its time is not cut."""
    _until_it_answers(lambda: _work_and_rest(distant))  # again, where a busy machine was what was silent


def _work_and_rest(database: Database) -> None:
    with database.reading() as session:
        session.execute(text("SELECT 1"))
        _rest(session)
        session.execute(text(f"SELECT pg_sleep({_SILENCE.total_seconds() / 2})"))
        _rest(session)


def _rest(session: Session) -> None:
    time.sleep(2 * _SILENCE.total_seconds())
    assert session.scalar(text("SELECT 1")) == 1


def test_while_a_server_is_away_one_asks_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time limit for connecting is not waited for by everybody, one after the other."""
    absence, tries, hold, told = Absence(pause=timedelta(seconds=1)), [], threading.Event(), threading.Semaphore(0)
    moment = [1000.0]
    monkeypatch.setattr(absent_database, "time", SimpleNamespace(monotonic=lambda: moment[0]))

    def fail() -> None:
        tries.append(1)
        assert hold.wait(60)
        raise ConnectionError

    def ask() -> None:
        with suppress(ConnectionError):
            absence.connect(fail, refuse=ConnectionError)
        told.release()

    hold.set()
    ask()
    ask()
    assert len(tries) == 1  # the second did not try
    hold.clear()
    moment[0] += 1.5
    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for _ in range(2 + 9):  # the first two, and nine who were told at once
        assert told.acquire(timeout=60)
    assert len(tries) == 2
    hold.set()
    for thread in threads:
        thread.join()
    moment[0] += 1.5
    assert absence.connect(lambda: "connected", refuse=ConnectionError) == "connected"
    assert absence.connect(lambda: "again", refuse=ConnectionError) == "again"


def _until_it_answers(use: Callable[[], None]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            return use()
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)
