"""The database: engines, column types, and the one way to open a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import MetaData, create_engine, event, make_url
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import JSON, LargeBinary

from kernel.absent_database import Absence, Watch
from kernel.column_types import UtcDateTime as UtcDateTime
from kernel.errors import ServiceError, Unavailable
from kernel.group_commit import GroupCommit, locked
from kernel.loop_call import require_thread
from kernel.prefetch import Want
from kernel.prepared import STALE, forget_connection

T = TypeVar("T")

# SQLSTATE class 40: transaction rollback (PostgreSQL, appendix A).
_UNDONE = "40"
# A transaction that may only read: the connection leads to a standby, or to what was the primary a moment ago.
_STANDBY = "25006"
# The other side of a connection is asked whether it lives when it is silent for so long (tcp(7)): a machine that went
# away without a word is noticed within as much again.
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
_UNACKNOWLEDGED_MS = 10_000


class Base(DeclarativeBase):
    """The mapped classes of every room. A room refers to another room's row by id, never by relationship."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime,
        bytes: LargeBinary,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[Any]: JSON,
    }


_writing: ContextVar[bool] = ContextVar("writing", default=False)


def in_transaction() -> bool:
    """Tell whether the work in progress holds a transaction that may write, and with it, on SQLite, everyone's lock."""
    return _writing.get()


class UndoneError(Unavailable):
    """The database undid the transaction (a deadlock, say): nothing of it was committed, and it may be repeated."""

    default_code = "database_busy"
    undone = True


class Database:
    """An engine and its transactions.

    :param url: ``sqlite:///path`` or ``postgresql+psycopg://…``.
    :param pool_size: connections kept, at least the number of blocking threads (PostgreSQL).
    :param log_pages: so many pages of SQLite's log gather before they go to their places, which waits for the disk as
        well. What was committed is on the disk either way.
    """

    def __init__(self, url: str, *, pool_size: int = 16, log_pages: int = 1000) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._absence = Absence()
        self.engine = (
            _sqlite_engine(url, log_pages) if self.is_sqlite else _postgresql_engine(url, pool_size, self._absence)
        )
        self._watch: Watch | None = None
        self._group_commit = GroupCommit(self.engine, self.transaction, lock_file=self._lock_file())

    def together(self, work: Callable[[Session], T], wants: Sequence[Want] = ()) -> T:
        """Run ``work`` in a transaction shared with what other threads want written at the same moment.

        For the endpoints that are called most: one commit serves many. See :meth:`GroupCommit.perform`.
        """

        def declared(session: Session) -> T:
            outer = _writing.set(True)
            try:
                return work(session)
            finally:
                _writing.reset(outer)

        return self._group_commit.perform(declared, wants)

    @contextmanager
    def transaction(self, connection: Connection | None = None, *, late: bool = False) -> Iterator[Session]:
        """Yield a session that may write: commits at the end, rolls back on error.

        A :class:`~kernel.errors.ServiceError` that says ``commits`` is raised *after* the commit: its event, and what
        it counted, are durable before anyone hears of the refusal. On SQLite the transaction begins with
        ``BEGIN IMMEDIATE``, so that two writers wait for each other instead of failing half way.

        :param connection: one of this engine's to use; by default the pool gives one.
        :param late: begin when the database is first asked: what is made ready before keeps no other writer waiting. On
            SQLite whoever begins then stands in line behind our other processes instead of sleeping and trying again.
        :raises Unavailable: if the database cannot be reached or does not take the transaction; whether it was
            committed is then unknown to the caller, and it must not be repeated blindly.
        :raises UndoneError: if the database says that it undid the transaction, for another's sake.
        """
        with (
            ExitStack() as turn,
            self._session(write=True, connection=connection, turn=turn if late else None) as session,
        ):
            outer = _writing.set(True)
            try:
                yield session
            except ServiceError as error:
                if error.commits:
                    session.commit()
                else:
                    session.rollback()
                raise
            finally:
                _writing.reset(outer)
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session for reads; it is rolled back at the end, whatever happened in it."""
        with self._session(write=False) as session:
            yield session
            # Rows that were read stay readable: a rollback would empty those that the session still holds.
            session.expunge_all()
            session.rollback()

    @contextmanager
    def _session(
        self, *, write: bool, connection: Connection | None = None, turn: ExitStack | None = None
    ) -> Iterator[Session]:
        if connection is None:
            require_thread()
        engine = self.engine
        if turn is not None and self.is_sqlite:
            engine = engine.execution_options(sau_turn=lambda: turn.enter_context(locked(self._lock_file())))
        session = Session(connection or engine, expire_on_commit=False)
        try:
            if self.is_sqlite and turn is None:
                session.connection(execution_options={"sau_write": write})
            yield session
        except (DBAPIError, TimeoutError) as error:
            state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
            if state == _STANDBY:
                session.invalidate()  # the next one may lead to the new primary; this one never will
                raise Unavailable("The database takes nothing here.", code="database_unavailable") from error
            session.rollback()
            if state.startswith((_UNDONE, *STALE)):
                raise UndoneError("The database is busy.") from error
            if _is_absence(error):
                raise Unavailable("The database does not answer.", code="database_unavailable") from error
            raise
        finally:
            session.close()
            forget_connection(session)

    def bound_silence(self, silence: timedelta) -> None:
        """Have a command fail (``Unavailable``) during which the server has said nothing for so long.

        For processes whose callers wait. It must be longer than any statement of theirs takes. Nothing to do on SQLite.
        """
        if self.is_sqlite:
            return
        if self._watch is None:
            event.listen(self.engine, "connect", self._watch_connection)
        self._watch = Watch(silence, on_hung=self._absence.note)

    def _watch_connection(self, connection: Any, _record: Any) -> None:
        if self._watch is not None:
            self._watch.add(connection)

    def dispose(self) -> None:
        """Close every connection (before a fork, and at the end)."""
        self._group_commit.close()
        self.engine.dispose()

    def _lock_file(self) -> Path | None:
        """SQLite has one writer, and its way to wait is to sleep: our processes queue up before they ask."""
        path = self.url.database if self.is_sqlite else None
        return Path(f"{path}-writer") if path and path != ":memory:" else None


def _is_absence(error: DBAPIError | TimeoutError) -> bool:
    """Tell the database's absence from our own mistakes (a missing table, a bad statement)."""
    if isinstance(error, TimeoutError):
        return True  # every connection of the pool is taken
    if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False  # SQLite reports mistakes in SQL as operational errors, too
    return isinstance(error, OperationalError) or error.connection_invalidated


def _sqlite_engine(url: str, log_pages: int) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(
        url,
        connect_args={"timeout": 30, "check_same_thread": False},
        pool_size=16,
        max_overflow=16,
        # What is bound to a statement (names, digests, sealed keys) stays out of errors, hence out of logs.
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling is switched off: BEGIN is ours, below.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=30000")
        cursor.execute(f"PRAGMA wal_autocheckpoint={log_pages:d}")
        # What is deleted is overwritten: the key of an erased person must not stay in a free page of the file.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        options = connection.get_execution_options()
        write, take_turn = options.get("sau_write", True), options.get("sau_turn")
        if take_turn is not None:
            take_turn()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgresql_engine(url: str, pool_size: int, absence: Absence) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=4,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,
        # What is worth preparing we prepare, see kernel.prepared; the driver, where it does, drops all at a rollback.
        connect_args={
            "connect_timeout": 5,
            "application_name": "sau",
            "prepare_threshold": None,
            "tcp_user_timeout": _UNACKNOWLEDGED_MS,
            **_KEEPALIVE,
        },
    )

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _record: Any, arguments: Any, keywords: Any) -> Any:
        return absence.connect(lambda: dialect.connect(*arguments, **keywords), refuse=dialect.dbapi.OperationalError)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # Moments then come in UTC, and nobody has to turn them.
        if connection.info.parameter_status("TimeZone") != "UTC":
            connection.execute("SET TIME ZONE 'UTC'")
            connection.commit()

    return engine
