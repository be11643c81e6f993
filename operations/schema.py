"""The schema's migrations: one at a time, whoever starts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, inspect, select, text

import migrations
from kernel.compatibility import ONLY, SchemaCompatibility
from kernel.database import Base, Database
from kernel.errors import Fault

# Migrations that the release before cannot live with: they move or remove what it reads and writes. All others only
# add, and run beside it (docs/upgrades.md; a test reads each migration and holds it to this list).
STOP_FIRST = {
    "0002": "the provider's tables are rebuilt",
    "0003": "the authority's tables are rebuilt",
}
# "SAU" and a number: a PostgreSQL advisory lock that means "the schema is being changed".
_LOCK = 0x53415500_0001


def upgrade(database: Database, to: str = "head") -> str:
    """Bring the schema to the newest revision, or ``to``, and return it; a newer one is left as it is.

    Of two at once one runs.
    """
    with _locked(database) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and not knows(found):
            return found  # a newer release was here: nothing of this one's is missing
        command.upgrade(_config(connection), to)
        revision = MigrationContext.configure(connection).get_current_revision() or "none"
        _note_compatibility(connection, revision)
        return revision


def stop_first(database: Database) -> dict[str, str]:
    """Return the pending migrations that the release before cannot live with, and why; none on an empty database."""
    found, newest = current(database)
    if found is None or newest is None:
        return {}
    return {revision: why for revision, why in STOP_FIRST.items() if found < revision <= newest}


def fits(database: Database) -> bool:
    """Tell whether this release may run on the schema: its own, or a newer one that only added to it."""
    found, newest = current(database)
    if found == newest:
        return True
    if found is None or newest is None or found < newest:
        return False
    with database.engine.connect() as connection:
        if not inspect(connection).has_table(SchemaCompatibility.__tablename__):
            return False
        since = connection.scalar(select(SchemaCompatibility.since).where(SchemaCompatibility.id == ONLY))
    return since is not None and since <= newest


def current(database: Database) -> tuple[str | None, str | None]:
    """Return the database's revision (None: no schema yet) and the newest one that this release knows."""
    newest = ScriptDirectory.from_config(_config(None)).get_current_head()
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), newest


def knows(revision: str) -> bool:
    """Tell whether this release can bring a database of that revision up to its own."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions())


def _note_compatibility(connection: Connection, revision: str) -> None:
    if not inspect(connection).has_table(SchemaCompatibility.__tablename__):
        return  # of before there was such a note
    since = max((each for each in STOP_FIRST if each <= revision), default="0001")
    connection.execute(delete(SchemaCompatibility))
    connection.execute(insert(SchemaCompatibility).values(id=ONLY, since=since))


def drift(database: Database) -> list[str]:
    """Return how the database differs from the mapped classes, a line a difference; empty when they agree."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [_describe(item) for item in compare_metadata(context, Base.metadata)]


def write_revision(database: Database, message: str) -> None:
    """Write the next migration, ``NNNN_message.py``, from database against classes (for developers)."""
    with database.engine.connect() as connection:
        config = _config(connection)
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def _describe(item: Any) -> str:
    return str(item[0] if isinstance(item, list) else item)


@contextmanager
def _locked(database: Database) -> Iterator[Connection]:
    # SQLite: the engine's BEGIN IMMEDIATE is the lock. PostgreSQL: an advisory lock until the transaction ends.
    with database.engine.connect() as connection:
        if database.is_sqlite:
            with _unchecked_references(connection), connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if broken:
                    raise Fault(f"The migration leaves rows without what they refer to: {broken[:3]}", code="broken")
            return
        with connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection


@contextmanager
def _unchecked_references(connection: Connection) -> Iterator[None]:
    """Let SQLite rebuild a table that others refer to.

    It changes a table by copying it and dropping the old one, and dropping one with references switched on deletes
    what refers to it. The switch has no effect inside a transaction, so it is thrown before.
    """
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")
