"""What must be there before a process may take requests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from composition import Composition
from kernel.database import Database
from kernel.errors import Unavailable
from operations import schema

#: Octets: a transaction of ours takes some pages of the write-ahead log; a checkpoint of it as many again.
LEAST_ROOM = 1024 * 1024


def readiness_checks(composition: Composition) -> list[tuple[str, Callable[[], None]]]:
    """Return named checks; each raises when its part cannot work."""

    def database() -> None:
        with composition.database.reading() as session:
            session.execute(select(1))

    def room_to_write() -> None:
        require_writable(composition.database)

    def current_schema() -> None:
        if not schema.fits(composition.database):
            raise Unavailable("The schema is not this release's.", code="schema_outdated")

    def keys() -> None:
        if not composition.keystore.names():
            raise Unavailable("The key store is empty.", code="no_keys")
        _ = composition.sealing_secret

    return [("database", database), ("writable", room_to_write), ("schema", current_schema), ("keys", keys)]


def require_writable(database: Database) -> None:
    """Check that what people do could be put on record, without writing anything: this is asked every few seconds.

    :raises Unavailable: (``disk_full``, ``standby``) if SQLite's disk has no room for one more transaction, or if
        PostgreSQL's server follows another.
    """
    if not database.is_sqlite:
        with database.reading() as session:
            if session.scalar(select(func.pg_is_in_recovery())):
                raise Unavailable("The database follows another.", code="standby")
        return
    file = Path(database.url.database or "")
    if file.exists() and shutil.disk_usage(file.parent).free < LEAST_ROOM:
        raise Unavailable("The disk of the database is full.", code="disk_full")
