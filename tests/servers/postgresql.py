"""A PostgreSQL server from Debian's package, and a fresh database with the schema for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from signal import SIGINT

import psycopg
from sqlalchemy import create_engine

from kernel.database import Base
from tests.servers.emptied import EmptiedDatabases
from tests.servers.process import ServerProcess, accepts_connections, find_program, free_port

_TEMPLATE = "sau_template"


class PostgreSqlServer:
    """A running cluster. Its superuser is ``postgres``, trusted on the loopback address.

    :ivar emptied: databases for one test after the other.
    """

    def __init__(self, process: ServerProcess, port: int) -> None:
        self.process = process
        self.port = port
        self._numbers = count(1)
        self._has_template = False
        self.emptied = EmptiedDatabases(self)

    def url(self, name: str) -> str:
        """Return the SQLAlchemy address of the database ``name``."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def create_database(self, *, with_schema: bool = True) -> str:
        """Make a database, empty or with every table of the service, and return its name."""
        name = f"sau_{next(self._numbers)}"
        if with_schema and not self._has_template:
            self.execute(f"CREATE DATABASE {_TEMPLATE}")
            engine = create_engine(self.url(_TEMPLATE))
            Base.metadata.create_all(engine)
            engine.dispose()
            self._has_template = True
        self.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE if with_schema else 'template0'}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one statement as superuser, outside any transaction."""
        with psycopg.connect(host="127.0.0.1", port=self.port, user="postgres", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]


@contextmanager
def run_postgresql(*, within: Path | None = None, more: Mapping[str, str] | None = None) -> Iterator[PostgreSqlServer]:
    """Start a cluster in a folder of its own and stop it at the end.

    Durability is as in production (``fsync`` and ``synchronous_commit`` on). The folder is in memory where there is
    room: what a killed process leaves behind is the same, and the tests do not wait for a disk.

    :param within: where the folder is made, for those who want to wait for the disk. ``more``: further options.
    """
    initdb = find_program("/usr/lib/postgresql/*/bin/initdb", "initdb", package="postgresql")
    folder = Path(tempfile.mkdtemp(prefix="sau-postgresql-", dir=within or _roomy_memory()))
    unprivileged = []
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
        unprivileged = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    data, port = folder / "data", free_port()
    server: ServerProcess | None = None
    try:
        subprocess.run(
            [
                *unprivileged,
                initdb,
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-N",
            ],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        log = folder / "postgresql.log"
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": "64MB",
            "fsync": "on",
            "synchronous_commit": "on",
            "autovacuum": "off",
            "log_min_messages": "warning",
            **(more or {}),
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        server = ServerProcess(
            "PostgreSQL",
            [Path(initdb).with_name("postgres"), "-D", data, *settings],
            log=log,
            cwd=folder,
            unprivileged=True,
            stop_signal=SIGINT,
        )
        running = PostgreSqlServer(server, port)
        server.wait_until(lambda: accepts_connections(port) and _answers(running))
        yield running
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(server: PostgreSqlServer) -> bool:
    try:
        server.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _roomy_memory() -> str | None:
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3
    return str(memory) if roomy else None
