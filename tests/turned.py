"""Rows in another order than the one they were written in, for whoever doubts that what reads them asks for an order.

``TEST_TURNED_ROWS=1 python -m pytest tests/…``: wherever no order is asked for, SQLite gives the last row first, and
PostgreSQL gives rows as they come out of a hat. A test, or a page, that leans on the order of writing then fails.
"""

from __future__ import annotations

import os
import re
from typing import Any

from sqlalchemy import Connection, Engine, event

_PLAIN = re.compile(r"\s*SELECT\b(?!.*\b(?:FOR UPDATE|FOR NO KEY UPDATE|FOR SHARE|pg_\w+)\b)", re.S | re.I)
_ORDERED = re.compile(r"\bORDER BY\b(?!.*\))", re.S | re.I)
_PLACE = re.compile(r"%\(\w+\)s")


def install() -> None:
    """Turn the rows of every engine of this process, if the environment says so."""
    if os.environ.get("TEST_TURNED_ROWS"):
        event.listen(Engine, "connect", _turn_sqlite)
        event.listen(Engine, "before_cursor_execute", _shuffle_postgresql, retval=True)


def _turn_sqlite(connection: Any, _record: Any) -> None:
    if type(connection).__module__.startswith("sqlite3"):
        connection.execute("PRAGMA reverse_unordered_selects=ON")


def _shuffle_postgresql(
    connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    if (
        connection.dialect.name == "postgresql"
        and _PLAIN.match(statement)
        and not _ORDERED.search(_PLACE.sub("?", statement))
    ):
        statement = f"SELECT * FROM ({statement}) AS hat ORDER BY random()"
    return statement, parameters
