"""A copy of the database as it stood at one moment, while others write; and the way back.

SQLite: its online backup, all pages under one read lock, which in WAL mode holds up no writer. PostgreSQL: ``pg_dump``
in the snapshot of a transaction of ours, so that what is said of the copy is read in the very state that it holds.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, inspect, text
from sqlalchemy.orm import Session

from kernel.database import Database
from kernel.errors import Conflict, NotFound, Unavailable

T = TypeVar("T")
PART = "database"
_SECONDS = 6 * 3600


def copy_database(database: Database, target: Path, look: Callable[[Session], T]) -> T:
    """Write a copy to ``target`` and return what ``look`` reads in the state that was copied.

    :raises Unavailable: (``dump_failed``) with what the database's own tool said.
    """
    if database.is_sqlite:
        _copy_sqlite(database, target)
        copied = Database(f"sqlite:///{target}")
        try:
            with copied.reading() as session:
                return look(session)
        finally:
            copied.dispose()
            _into_one_file(target)
    with database.reading() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        snapshot = session.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        seen = look(session)
        arguments = ["--format=custom", "--compress=0", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        _run("pg_dump", [*arguments, f"--file={target}"], database.url)
    return seen


def bring_back(copy: Path, database: Database) -> None:
    """Fill an empty database from a copy.

    :raises Conflict: (``database_not_empty``). :raises Unavailable: (``dump_failed``).
    """
    require_empty(database)
    if not database.is_sqlite:
        _run(
            "pg_restore",
            ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", copy],
            database.url,
        )
        return
    place = Path(database.url.database or "")
    database.dispose()
    for leftover in ("", "-wal", "-shm"):
        Path(f"{place}{leftover}").unlink(missing_ok=True)  # empty, as was looked at
    shutil.copyfile(copy, place)
    place.chmod(0o600)
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def require_empty(database: Database) -> None:
    """Check that nothing is there. :raises Conflict: (``database_not_empty``), with what to do."""
    if database.is_sqlite and not Path(database.url.database or "").exists():
        return
    if inspect(database.engine).get_table_names():
        shown = database.url.render_as_string(hide_password=True)
        way = "move the file aside, with its -wal and -shm" if database.is_sqlite else "name an empty one"
        raise Conflict(f"There are tables in {shown}: {way}.", code="database_not_empty")


def _copy_sqlite(database: Database, target: Path) -> None:
    target.touch(mode=0o600)
    with closing(sqlite3.connect(database.url.database or "")) as source, closing(sqlite3.connect(target)) as copy:
        source.execute("PRAGMA busy_timeout=30000")
        source.backup(copy)  # all pages in one step: in several, a busy writer would make it begin again and again


def _into_one_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _run(program: str, arguments: Sequence[str | Path], url: URL) -> None:
    # The password goes by the environment: arguments are shown to everyone on the machine.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SAU_")}
    if url.password:
        environ["PGPASSWORD"] = str(url.password)
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    done = subprocess.run(
        [find_tool(program), "--no-password", f"--dbname={address}", *map(str, arguments)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise Unavailable(f"{program}: {said[0] if said else done.returncode}", code="dump_failed")


def find_tool(program: str) -> str:
    """Return the newest of PostgreSQL's own tools on this machine: it must be as new as the server.

    :raises NotFound: (``no_postgresql_tools``).
    """
    found = [str(path) for path in Path("/usr/lib/postgresql").glob(f"*/bin/{program}")]
    found.sort(key=lambda path: int((re.findall(r"/(\d+)/bin/", path) or ["0"])[0]))
    tool = found[-1] if found else shutil.which(program)
    if tool is None:
        raise NotFound(f"{program} is not here: install postgresql-client.", code="no_postgresql_tools")
    return tool
