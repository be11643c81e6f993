"""The transaction's promises, on each database."""

from __future__ import annotations

import sqlite3
import stat
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import ForeignKey, MetaData, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kernel.database import Base, Database
from kernel.errors import Rejected, Unavailable
from kernel.outbox import OutboxTask, enqueue
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.process import free_port

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def _count(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(OutboxTask)) or 0


def test_commits_what_a_transaction_wrote(database: Database) -> None:
    """A block that ends well is durable."""
    with database.transaction() as session:
        enqueue(session, "mail", {}, now=NOW)
    assert _count(database) == 1


def test_rolls_back_when_the_block_raises(database: Database) -> None:
    """An error leaves nothing behind."""
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        enqueue(session, "mail", {}, now=NOW)
        session.flush()
        _ = 1 / 0
    assert _count(database) == 0


@pytest.mark.parametrize("commits", [True, False])
def test_a_refusal_is_committed_only_when_it_says_so(database: Database, commits: bool) -> None:
    """The event of a refusal is durable before anyone hears of it (architecture, "Evidence")."""
    with pytest.raises(Rejected), database.transaction() as session:
        enqueue(session, "mail", {}, now=NOW)
        raise Rejected("no", commits=commits)
    assert _count(database) == int(commits)


def test_reading_leaves_no_trace(database: Database) -> None:
    """What a reader writes by mistake is rolled back."""
    with database.reading() as session:
        enqueue(session, "mail", {}, now=NOW)
        session.flush()
    assert _count(database) == 0


class _Own(DeclarativeBase):
    metadata = MetaData()
    type_annotation_map = Base.type_annotation_map


class _Counter(_Own):
    __tablename__ = "test_counter"
    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int]


class _Moment(_Own):
    __tablename__ = "test_moment"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime | None]
    counter: Mapped[int | None] = mapped_column(ForeignKey("test_counter.id"))


@pytest.fixture
def own(database: Database) -> Database:
    """A database with tables of this module."""
    _Own.metadata.create_all(database.engine)
    return database


def test_eight_threads_lose_no_increment(own: Database) -> None:
    """SQLite as Python opens it lost most of them, without an error; BEGIN IMMEDIATE loses none."""
    with own.transaction() as session:
        session.add(_Counter(id=1, value=0))

    def count_up() -> None:
        for _ in range(200):
            with own.transaction() as session:
                counter = session.get(_Counter, 1, with_for_update=True)
                assert counter is not None
                counter.value += 1

    threads = [threading.Thread(target=count_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with own.reading() as session:
        assert session.scalar(select(_Counter.value)) == 1600


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 23, 17, 0, 0, 123456, tzinfo=UTC),
        datetime(2026, 11, 23, 12, 0, tzinfo=timezone(timedelta(hours=-5))),
        datetime(2046, 2, 1, tzinfo=UTC),
    ],
)
def test_moments_come_back_aware_and_exact(own: Database, moment: datetime) -> None:
    """To the microsecond, in UTC, whatever zone went in."""
    with own.transaction() as session:
        session.add(_Moment(id=1, at=moment))
    with own.reading() as session:
        stored = session.scalar(select(_Moment.at))
        assert stored == moment
        assert stored is not None and stored.utcoffset() == timedelta(0)
        assert session.scalar(select(func.count()).where(_Moment.at <= moment)) == 1


def test_a_naive_moment_is_refused(own: Database) -> None:
    """Nobody knows which moment it means."""
    with pytest.raises(StatementError, match="must be aware"), own.transaction() as session:
        session.add(_Moment(id=1, at=datetime(2026, 1, 1)))


def test_an_absent_moment_stays_absent(own: Database) -> None:
    """Null is null."""
    with own.transaction() as session:
        session.add(_Moment(id=1, at=None))
    with own.reading() as session:
        assert session.scalars(select(_Moment.at)).one() is None


def test_foreign_keys_are_enforced(own: Database) -> None:
    """SQLite has them off by default."""
    with pytest.raises(IntegrityError), own.transaction() as session:
        session.add(_Moment(id=1, counter=99))


def test_a_transaction_works_after_a_broken_one(own: Database) -> None:
    """A connection that saw an error goes back to the pool clean."""
    for _ in range(3):
        with pytest.raises(IntegrityError), own.transaction() as session:
            session.add(_Moment(id=1, counter=99))
    with own.transaction() as session:
        session.add(_Moment(id=1))


def test_sqlite_is_durable_and_concurrent(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: a commit that returned survives a power cut."""
    database = Database(f"sqlite:///{tmp_path}/new/sau.sqlite")
    with database.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    database.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_a_log_that_may_grow_is_as_durable(tmp_path: Path) -> None:
    """Who writes much lets it gather; each commit still waits for the disk."""
    database = Database(f"sqlite:///{tmp_path / 'batch.sqlite'}", log_pages=8000)
    with database.reading() as session:
        said = [
            session.scalar(text(f"PRAGMA {name}")) for name in ("wal_autocheckpoint", "journal_mode", "synchronous")
        ]
    assert said == [8000, "wal", 2]
    database.dispose()


def test_a_writer_that_waits_in_vain_is_told_that_the_database_does_not_answer(tmp_path: Path) -> None:
    """A lock that is never let go ends as Unavailable, at the transaction's very beginning too."""
    database = Database(f"sqlite:///{tmp_path}/sau.sqlite")
    with database.engine.connect() as pooled:
        pooled.exec_driver_sql("PRAGMA busy_timeout=50")
    other = sqlite3.connect(tmp_path / "sau.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable), database.transaction():
        raise AssertionError("the block must not run")
    other.execute("ROLLBACK")
    other.close()
    with database.transaction():
        pass
    database.dispose()


@pytest.mark.server
def test_a_server_that_is_gone_is_unavailable_and_found_again(postgresql: PostgreSqlServer) -> None:
    """Connections that died in the pool are replaced; one that dies in a transaction ends it as Unavailable."""
    name = postgresql.create_database()
    database = Database(postgresql.url(name))
    end_others = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    with pytest.raises(Unavailable), database.transaction() as session:
        enqueue(session, "mail", {}, now=NOW)
        session.execute(select(func.count()).select_from(OutboxTask))  # the transaction has begun
        postgresql.execute(end_others)
        session.execute(select(func.count()).select_from(OutboxTask))
    assert _count(database) == 0
    postgresql.execute(end_others)
    with database.transaction() as session:
        enqueue(session, "mail", {}, now=NOW)
    assert _count(database) == 1
    database.dispose()
    postgresql.drop_database(name)


@pytest.mark.parametrize("together", [False, True])
def test_a_server_that_is_no_longer_the_primary_is_left(postgresql: PostgreSqlServer, together: bool) -> None:
    """What only reads takes no write: 503, and the connection is not used again, for it leads there for good."""
    name = postgresql.create_database()
    postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    database = Database(postgresql.url(name))

    def write() -> None:
        if together:
            database.together(lambda session: enqueue(session, "mail", {}, now=NOW))
        else:
            with database.transaction() as session:
                enqueue(session, "mail", {}, now=NOW)

    try:
        with pytest.raises(Unavailable):
            write()
        postgresql.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        write()
        assert _count(database) == 1
    finally:
        database.dispose()
        postgresql.drop_database(name)


def test_an_absent_server_is_unavailable() -> None:
    """Refused connections are told in the family's words, without the address or the user."""
    database = Database(f"postgresql+psycopg://sau:hunter2@127.0.0.1:{free_port()}/sau")
    with pytest.raises(Unavailable) as caught, database.transaction() as session:
        session.execute(select(1))
    assert "hunter2" not in str(caught.value)


def test_a_pool_that_is_used_up_is_unavailable(postgresql: PostgreSqlServer) -> None:
    """Too many at once: later it may work."""
    database = Database(postgresql.url("postgres"), pool_size=1)
    database.engine.pool._timeout = 0.05  # type: ignore[attr-defined]
    with ExitStack() as busy:
        for _ in range(5):
            busy.enter_context(database.engine.connect())
        with pytest.raises(Unavailable), database.reading() as session:
            session.execute(select(1))
    database.dispose()


def test_what_is_bound_to_a_statement_stays_out_of_its_error(database: Database) -> None:
    """Keys 18: errors end in logs; a digest, a name or a sealed key must not stand in them."""
    with pytest.raises(DBAPIError) as caught, database.transaction() as session:
        session.execute(text("SELECT missing FROM nowhere WHERE x = :secret"), {"secret": "hash-of-a-password"})
    assert "hash-of-a-password" not in str(caught.value)
