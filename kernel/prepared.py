"""Statements of the busiest paths: prepared once a connection, and sent to PostgreSQL without anything in between.

A statement through the toolkit and the driver costs several times what the server needs for it. These few go to the
protocol library itself (libpq's ``PQexecPrepared``), in the session's own transaction, and what they give is plain
values. On SQLite, where nothing lies in between, they are ordinary statements.
"""

from __future__ import annotations

import json
import re
import select
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from psycopg import Connection as DriverConnection
    from psycopg.pq.abc import PGresult

try:
    from psycopg import Error, OperationalError
    from psycopg.adapt import AdaptersMap, Loader, Transformer
    from psycopg.errors import error_from_result
    from psycopg.pq import version as _version_of_libpq

    _SENDS_AHEAD = _version_of_libpq() >= 140000
except ImportError:  # pragma: no cover - an extra: only who has PostgreSQL has it
    Transformer, Loader, AdaptersMap = Any, object, Any  # type: ignore[assignment,misc]
    _SENDS_AHEAD = False

_KEY = "prepared"
# libpq's PQTRANS_IDLE; PGRES_COMMAND_OK and PGRES_TUPLES_OK; CONNECTION_OK; PG_DIAG_SQLSTATE.
_IDLE, _GOOD, _ALIVE, _SQLSTATE = 0, (1, 2), 0, 67
# How a transaction begins that runs them. A plan is made once and kept, and may be made while its table is empty: then
# the server would go through all of it, or hash it, and would still do so when it holds a million rows. All of these
# look rows up by key, so that is the only plan that they get. (What has no index looks endlessly dear then: no reason
# to compile it.)
_SETTINGS = {b"plan_cache_mode": b"force_generic_plan", b"jit": b"off"} | {
    b"enable_" + way: b"off" for way in (b"seqscan", b"hashjoin", b"mergejoin", b"material")
}
_BEGIN = b"; ".join([b"BEGIN", *(b"SET LOCAL " + name + b" = " + value for name, value in _SETTINGS.items())])
# The same as one statement, for what is sent ahead: no string of several goes there.
_SET_NAME, _SET = (
    "sau_settings",
    "SELECT "
    + ", ".join(f"set_config('{name.decode()}', '{value.decode()}', true)" for name, value in _SETTINGS.items()),
)
# libpq's PGRES_PIPELINE_SYNC and PGRES_PIPELINE_ABORTED.
_SYNC, _SKIPPED = 10, 11
_BOUND = re.compile(r"%\((\w+)\)s")
_SHORT = 512
_log = structlog.get_logger("kernel.prepared")

# SQLSTATE (PostgreSQL, appendix A): no such prepared statement; there is one of this name already.
_ELSEWHERE = ("26000", "42P05")
#: A migration has changed what a prepared statement gives; or it is not where we prepared it, because a pooler hands
#: connections round. The transaction is to be repeated.
STALE = (*_ELSEWHERE, "0A000")


class _Pooler:
    """Whether this process has found out that a pooler before the database hands connections round.

    Nothing is kept on a connection then: each statement is sent whole, as PgBouncer before 1.21 needs it.

    :ivar hands_round: once found out, for good.
    """

    hands_round = False


class Prepared:
    """One statement for any number of keys or rows.

    :param build: returns the statement for a dialect (``postgresql`` or ``sqlite``), its values bound by name.
    """

    def __init__(self, build: Callable[[str], Executable]) -> None:
        self._build = build
        self._built: Executable | None = None
        self._text: tuple[str, str, tuple[str, ...]] | None = None

    def fetch(self, session: Session, given: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Run it in the session's transaction and return the rows as plain values.

        :param given: texts, numbers, None, or lists of texts.
        :raises DBAPIError: as any statement does.
        """
        connection = _connection_of(session)
        if connection.dialect.name != "postgresql":
            if self._built is None:
                self._built = self._build(connection.dialect.name)
            return connection.execute(self._built, dict(given)).all()
        return _wire_of(connection).run(self.prepared(connection), given, connection)

    def write(self, session: Session, given: Mapping[str, Any]) -> None:
        """Run it for what it changes. PostgreSQL only: other databases take rows as a list of parameters."""
        connection = _connection_of(session)
        _wire_of(connection).run(self.prepared(connection), given, connection)

    def prepared(self, connection: Connection) -> tuple[str, str, tuple[str, ...]]:
        """Return what PostgreSQL is told: a name, the text, and what is bound, in order."""
        if self._text is None:
            compiled = str(self._build("postgresql").compile(dialect=connection.dialect))  # type: ignore[attr-defined]
            order = tuple(dict.fromkeys(_BOUND.findall(compiled)))
            text = _BOUND.sub(lambda found: f"${order.index(found[1]) + 1}", compiled).replace("%%", "%")
            # The same name is the same text, whoever prepared it: behind a pooler that may have been another process.
            self._text = f"sau_{sha256(text.encode()).hexdigest()[:24]}", text, order
        return self._text


class Ask(NamedTuple):
    """A statement, and what is bound to it."""

    statement: Prepared
    given: Mapping[str, Any]


def fetch_all(session: Session, asks: Sequence[Ask]) -> list[Sequence[Sequence[Any]]]:
    """Run statements in this order and return the rows of each. PostgreSQL is sent all of them before it is waited for.

    :raises DBAPIError: of the first one that fails; those behind it were not run.
    """
    if not asks:
        return []
    connection = _connection_of(session)
    if connection.dialect.name != "postgresql":
        return [each.statement.fetch(session, each.given) for each in asks]
    return _wire_of(connection).run_all(asks, connection)


def commit_now(session: Session, asks: Sequence[Ask] = ()) -> None:
    """Commit on PostgreSQL what the session has sent; the session's own commit, to follow, then finds nothing to do.

    :param asks: statements that go before it, for what they change. PostgreSQL only.
    :raises DBAPIError: if the server did not commit.
    """
    connection = _connection_of(session)
    if connection.dialect.name == "postgresql":
        _wire_of(connection).run_all(asks, connection, commit=True)


def forget_connection(session: Session) -> None:
    """Let go of what is kept for a session that ends."""
    session.info.pop(_KEY, None)


def _connection_of(session: Session) -> Connection:
    """Return the session's connection, in its transaction; the toolkit's way to it is long."""
    begun = session.get_transaction()
    held: tuple[Any, Connection] | None = session.info.get(_KEY)
    if held is not None and held[0] is begun:
        return held[1]
    connection = session.connection()
    session.info[_KEY] = session.get_transaction(), connection
    return connection


class _Wire:
    """What is known of one connection: the statements that it has prepared, and how to read what they give."""

    def __init__(self, driver: DriverConnection[Any]) -> None:
        self._driver = driver
        self._pgconn = driver.pgconn
        self._made: dict[str, bytes] = {}
        self._readers: dict[str, Any] = {}
        self._generation = 1
        self._whole = _is_pooled(driver.pgconn)
        self._poll: select.poll | None = None

    def run(
        self, statement: tuple[str, str, tuple[str, ...]], given: Mapping[str, Any], connection: Connection
    ) -> list[Any]:
        name, text, order = statement
        _tell(connection, text)
        if self._pgconn.transaction_status == _IDLE:
            self._require_good(self._pgconn.exec_(_BEGIN), "BEGIN", connection)
        values: list[Any] = [_literal(given[each]) for each in order]
        if self._whole or _Pooler.hands_round:
            result = self._pgconn.exec_params(text.encode(), values)
        else:
            result = self._pgconn.exec_prepared(self._made.get(name) or self._make(name, text, connection), values)
        if result.status not in _GOOD:
            self._forget_if_stale(result)
            self._require_good(result, text, connection)
        return self._read(name, result) if result.ntuples else []

    def run_all(
        self, asks: Sequence[Ask], connection: Connection, *, commit: bool = False
    ) -> list[Sequence[Sequence[Any]]]:
        """Run all, and commit behind them, in one exchange with the server where it is its own."""
        statements = [each.statement.prepared(connection) for each in asks]
        begins = self._pgconn.transaction_status == _IDLE
        if self._whole or _Pooler.hands_round or not _SENDS_AHEAD or len(asks) + commit + begins < 2:
            found: list[Sequence[Sequence[Any]]] = []
            found += [self.run(each, ask.given, connection) for each, ask in zip(statements, asks, strict=True)]
            if commit:
                self.commit(connection)
            return found
        sent: list[tuple[str, bytes | None, list[Any]]] = []
        if begins:
            settings = self._made.get(_SET_NAME) or self._make(_SET_NAME, _SET, connection)
            sent = [("BEGIN", None, []), (_SET, settings, [])]
        begun = len(sent)
        for (name, text, order), ask in zip(statements, asks, strict=True):
            _tell(connection, text)
            made = self._made.get(name) or self._make(name, text, connection)
            sent.append((text, made, [_literal(ask.given[each]) for each in order]))
        if commit:
            sent.append(("COMMIT", None, []))
        results = self._exchange(sent, connection)
        for (text, *_), result in zip(sent, results, strict=False):
            if result.status not in _GOOD:
                self._forget_if_stale(result)
                self._require_good(result, text, connection)
        if commit:
            _require_committed(results[-1])
        return [
            self._read(name, result) if result.ntuples else []
            for (name, *_), result in zip(statements, results[begun:], strict=False)
        ]

    def _exchange(self, sent: Sequence[tuple[str, bytes | None, list[Any]]], connection: Connection) -> list[PGresult]:
        """Send all, wait once, and return the result of each up to the first that is not good."""
        pgconn = self._pgconn
        try:
            pgconn.enter_pipeline_mode()
            for text, made, values in sent:
                if made is None:
                    pgconn.send_query_params(text.encode(), None)
                else:
                    pgconn.send_query_prepared(made, values)
            pgconn.pipeline_sync()
            results = self._results()
            pgconn.exit_pipeline_mode()
        except BaseException as error:
            # What has come and what has not is not known any more: the connection is of no use to anybody.
            connection.invalidate()
            if not isinstance(error, Error):
                raise
            raise DBAPIError.instance(
                None,
                None,
                OperationalError("the connection is lost"),
                Error,
                hide_parameters=True,
                connection_invalidated=True,
                dialect=connection.dialect,
            ) from error
        return results

    def _results(self) -> list[PGresult]:
        pgconn, results = self._pgconn, list[Any]()
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(pgconn.socket, select.POLLIN)
        while pgconn.flush():  # more than the kernel takes at once: it is taken, or something comes that must be read
            both = select.poll()
            both.register(pgconn.socket, select.POLLIN | select.POLLOUT)
            if both.poll()[0][1] & ~select.POLLOUT:
                pgconn.consume_input()
        while True:
            while pgconn.is_busy():
                self._poll.poll()
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:
                if pgconn.status != _ALIVE:
                    raise OperationalError("the connection is lost")
            elif result.status == _SYNC:
                return results
            elif result.status != _SKIPPED:
                results.append(result)

    def _make(self, name: str, text: str, connection: Connection) -> bytes:
        """Prepare the statement, and return what it is called on this connection."""
        made = f"{name}_{self._generation}".encode()
        result = self._pgconn.prepare(made, text.encode())
        if result.status not in _GOOD:
            self._forget_if_stale(result)
            self._require_good(result, text, connection)
        self._made[name] = made
        self._readers.pop(name, None)
        return made

    def _forget_if_stale(self, result: PGresult) -> None:
        state = (result.error_field(_SQLSTATE) or b"").decode()
        if state not in STALE:
            return
        self._made.clear()
        self._readers.clear()
        self._generation += 1
        if state in _ELSEWHERE and not _Pooler.hands_round:
            _Pooler.hands_round = True
            _log.warning("statements_sent_whole", reason="a pooler hands connections round")

    def _read(self, name: str, result: PGresult) -> list[Any]:
        reader = self._readers.get(name)
        if reader is None:
            reader = self._readers[name] = Transformer(_reading_as(self._driver))
            reader.set_pgresult(result)
        else:
            reader.set_pgresult(result, set_loaders=False)
        rows: list[Any] = reader.load_rows(0, result.ntuples, tuple)
        return rows

    def commit(self, connection: Connection) -> None:
        if self._pgconn.transaction_status == _IDLE:
            return
        result = self._pgconn.exec_(b"COMMIT")
        self._require_good(result, "COMMIT", connection)
        _require_committed(result)

    def _require_good(self, result: PGresult, text: str, connection: Connection) -> None:
        if result.status in _GOOD:
            return
        error = error_from_result(result)
        lost = self._pgconn.status != _ALIVE
        if lost:
            connection.invalidate()
            error = error if isinstance(error, OperationalError) else OperationalError("the connection is lost")
        # As the toolkit would say it: what was bound stays out of it.
        raise DBAPIError.instance(
            text, None, error, Error, hide_parameters=True, connection_invalidated=lost, dialect=connection.dialect
        ) from error


def _tell(connection: Connection, text: str) -> None:
    """Whoever counts statements counts these."""
    for hear in connection.dispatch.before_cursor_execute:
        hear(connection, None, text, {}, None, False)


def _require_committed(result: PGresult) -> None:
    if result.command_status != b"COMMIT":  # of a transaction that had failed: the server rolled back
        raise RuntimeError("the transaction was rolled back instead of committed")


def _is_pooled(pgconn: Any) -> bool:
    """Tell whether somebody stands before the server: who answers is not the process that the greeting named."""
    result = pgconn.exec_(b"SELECT pg_backend_pid()")
    return result.status in _GOOD and int(result.get_value(0, 0)) != pgconn.backend_pid


class _JsonLoader(Loader):
    """Reads the same short document once: scopes, methods and terms are the same few for thousands of rows."""

    def load(self, data: Any) -> Any:
        octets = bytes(data)
        known = _known_json(octets) if len(octets) <= _SHORT else json.loads(octets)
        return known.copy() if isinstance(known, dict | list) else known


@lru_cache(maxsize=2048)
def _known_json(octets: bytes) -> Any:
    return json.loads(octets)


@dataclass(frozen=True)
class _ReadingContext:
    """What a reader needs of a connection (psycopg's ``AdaptContext``)."""

    adapters: AdaptersMap
    connection: DriverConnection[Any]


def _reading_as(driver: DriverConnection[Any]) -> _ReadingContext:
    adapters = AdaptersMap(driver.adapters)
    adapters.register_loader("json", _JsonLoader)
    return _ReadingContext(adapters, driver)


def _wire_of(connection: Connection) -> _Wire:
    wire: _Wire | None = connection.info.get(_KEY)
    if wire is None:
        wire = connection.info[_KEY] = _Wire(connection.connection.driver_connection)  # type: ignore[arg-type]
    return wire


def _literal(value: Any) -> bytes | None:
    """Return ``value`` as PostgreSQL reads it in text (array literals: PostgreSQL manual, §8.15.2)."""
    if isinstance(value, list | tuple):
        return f"{{{','.join([_element(each) for each in value])}}}".encode()
    return None if value is None else str(value).encode()


def _element(text: str) -> str:
    if len(text) != 4 and text.isalnum() and text.isascii():  # four letters may say NULL
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
