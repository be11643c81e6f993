"""Statements of the busiest paths: prepared once a connection, and sent to PostgreSQL without anything in between.

A statement through the toolkit and the driver costs several times what the server needs for it. These few go to the
protocol library itself (libpq's ``PQexecPrepared``), in the session's own transaction, and what they give is plain
values. On SQLite, where nothing lies in between, they are ordinary statements.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

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
except ImportError:  # pragma: no cover - an extra: only who has PostgreSQL has it
    Transformer, Loader, AdaptersMap = Any, object, Any  # type: ignore[assignment,misc]

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
        connection = session.connection()
        if connection.dialect.name != "postgresql":
            if self._built is None:
                self._built = self._build(connection.dialect.name)
            return connection.execute(self._built, dict(given)).all()
        return _wire_of(connection).run(self._prepared(connection), given, connection)

    def write(self, session: Session, given: Mapping[str, Any]) -> None:
        """Run it for what it changes. PostgreSQL only: other databases take rows as a list of parameters."""
        connection = session.connection()
        _wire_of(connection).run(self._prepared(connection), given, connection)

    def _prepared(self, connection: Connection) -> tuple[str, str, tuple[str, ...]]:
        if self._text is None:
            compiled = str(self._build("postgresql").compile(dialect=connection.dialect))  # type: ignore[attr-defined]
            order = tuple(dict.fromkeys(_BOUND.findall(compiled)))
            text = _BOUND.sub(lambda found: f"${order.index(found[1]) + 1}", compiled).replace("%%", "%")
            # The same name is the same text, whoever prepared it: behind a pooler that may have been another process.
            self._text = f"sau_{sha256(text.encode()).hexdigest()[:24]}", text, order
        return self._text


def commit_now(session: Session) -> None:
    """Commit on PostgreSQL what the session has sent; the session's own commit, to follow, then finds nothing to do.

    :raises DBAPIError: if the server did not commit.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        _wire_of(connection).commit(connection)


class _Wire:
    """What is known of one connection: the statements that it has prepared, and how to read what they give."""

    def __init__(self, driver: DriverConnection[Any]) -> None:
        self._driver = driver
        self._pgconn = driver.pgconn
        self._made: dict[str, bytes] = {}
        self._readers: dict[str, Any] = {}
        self._generation = 1
        self._whole = _is_pooled(driver.pgconn)

    def run(
        self, statement: tuple[str, str, tuple[str, ...]], given: Mapping[str, Any], connection: Connection
    ) -> list[Any]:
        name, text, order = statement
        for hear in connection.dispatch.before_cursor_execute:  # whoever counts statements counts these
            hear(connection, None, text, {}, None, False)
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
        if result.command_status != b"COMMIT":  # of a transaction that had failed: the server rolled back
            raise RuntimeError("the transaction was rolled back instead of committed")

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
