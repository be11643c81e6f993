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
from sqlalchemy import Connection, text

import migrations
from kernel.database import Base, Database
from kernel.errors import Fault

# "SAU" and a number: a PostgreSQL advisory lock that means "the schema is being changed".
_LOCK = 0x53415500_0001


def upgrade(database: Database, to: str = "head") -> str:
    """Bring the schema to the newest revision, or ``to``, and return it. Of two at once one runs."""
    with _locked(database) as connection:
        command.upgrade(_config(connection), to)
        return MigrationContext.configure(connection).get_current_revision() or "none"


def current(database: Database) -> tuple[str | None, str | None]:
    """Return the database's revision (None: no schema yet) and the newest one that this release knows."""
    newest = ScriptDirectory.from_config(_config(None)).get_current_head()
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), newest


def knows(revision: str) -> bool:
    """Tell whether this release can bring a database of that revision up to its own."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions())


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
