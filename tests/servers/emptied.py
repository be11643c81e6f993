"""PostgreSQL databases that serve one test after the other: emptied in between, which costs a tenth of a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from tests.servers.postgresql import PostgreSqlServer

# What was deleted still fills pages, and nobody vacuums here.
_MOST_USES = 40
# Rows that a change of the schema adds, removes or writes anew. Emptying tables leaves them as they are.
_SHAPE = """
SELECT (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_class),
       (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_trigger),
       (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_constraint),
       (SELECT count(*) FROM pg_attribute), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_db_role_setting)
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass
class _Kept:
    name: str
    connection: psycopg.Connection[Any]
    shape: tuple[Any, ...]
    uses: int = 0


class EmptiedDatabases:
    """Databases with the schema, each given to one test at a time."""

    def __init__(self, server: PostgreSqlServer) -> None:
        self._server = server
        self._free: list[_Kept] = []
        self._taken: dict[str, _Kept] = {}

    def take(self) -> str:
        """Return the name of an empty database."""
        kept = self._free.pop() if self._free else self._make()
        self._taken[kept.name] = kept
        return kept.name

    def give_back(self, name: str) -> None:
        """Empty a database for the next test, or remove it if its schema is not what it was."""
        kept = self._taken.pop(name)
        kept.uses += 1
        try:
            kept.connection.execute(_END_OTHERS)
            fit = kept.uses < _MOST_USES and kept.connection.execute(_SHAPE).fetchone() == kept.shape
            if fit:
                kept.connection.execute("SELECT pg_temp.empty_all()")
        except psycopg.Error:
            fit = False
        if fit:
            self._free.append(kept)
            return
        kept.connection.close()
        self._server.drop_database(name)

    def _make(self) -> _Kept:
        name = self._server.create_database()
        connection = psycopg.connect(
            host="127.0.0.1", port=self._server.port, user="postgres", dbname=name, autocommit=True
        )
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        sequences = connection.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'").fetchall()
        steps = [f'IF EXISTS (SELECT FROM public."{t}") THEN DELETE FROM public."{t}"; END IF;' for (t,) in tables]
        steps += [f"PERFORM setval('public.\"{sequence}\"', 1, false);" for (sequence,) in sequences]
        connection.execute(
            # No foreign key stands in the way of the order.
            "CREATE FUNCTION pg_temp.empty_all() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica "  # type: ignore[arg-type]
            f"AS $$BEGIN {' '.join(steps)} END$$"
        )
        shape = connection.execute(_SHAPE).fetchone()
        assert shape is not None
        return _Kept(name, connection, shape)
