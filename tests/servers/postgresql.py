"""A PostgreSQL server from Debian's package, and a fresh database with the schema for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from signal import SIGINT

import psycopg
from sqlalchemy import create_engine

from kernel.database import Base
from tests.servers.emptied import EmptiedDatabases
from tests.servers.process import ServerProcess, accepts_connections, find_program, free_port
from tests.servers.small_disk import SmallDisk

_TEMPLATE = "sau_template"


class PostgreSqlServer:
    """A running cluster. Its superuser is ``postgres``, trusted on the loopback address.

    :ivar emptied: databases for one test after the other.
    """

    def __init__(self, process: ServerProcess, port: int, start: Callable[[], ServerProcess]) -> None:
        self.process = process
        self.port = port
        self._start = start
        self._numbers = count(1)
        self._has_template = False
        self.emptied = EmptiedDatabases(self)

    def restart(self) -> None:
        """Start it again over the same data, after it was killed, and wait until it answers."""
        for _ in range(20):  # children of the one that was killed may hold its memory for a moment
            self.process = self._start()
            try:
                self.process.wait_until(lambda: accepts_connections(self.port) and _answers(self))
            except RuntimeError as error:
                if "still in use" not in str(error) and "still running" not in str(error):
                    raise
                time.sleep(0.1)
            else:
                return
        raise RuntimeError("PostgreSQL does not start again")

    def wait_until_it_answers(self) -> None:
        """Wait for it to take connections; whenever it has ended it is started again, as systemd would."""
        deadline = time.monotonic() + 60
        while not (accepts_connections(self.port) and _answers(self)):
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not answer:\n{self.process.read_log()[-4000:]}")
            if self.process.process.poll() is not None:
                self.process.stop()
                self.process = self._start()
            time.sleep(0.05)

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
def run_postgresql(
    *,
    within: Path | None = None,
    more: Mapping[str, str] | None = None,
    disk: SmallDisk | None = None,
    wal_disk: SmallDisk | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[PostgreSqlServer]:
    """Start a cluster in a folder of its own and stop it at the end.

    Durability is as in production (``fsync`` and ``synchronous_commit`` on). The folder is in memory where there is
    room: what a killed process leaves behind is the same, and the tests do not wait for a disk.

    :param within: where the folder is made, for those who want to wait for the disk. ``more``: further options.
    :param disk: a small disk for all of it. ``wal_disk``: one for the write-ahead log alone.
    :param environ: what the server has in its environment besides ours.
    """
    initdb = find_program("/usr/lib/postgresql/*/bin/initdb", "initdb", package="postgresql")
    folder = Path(tempfile.mkdtemp(prefix="sau-postgresql-", dir=within or roomy_memory()))
    small = disk or wal_disk
    enter = small.enter if small else ()
    unprivileged = []
    if os.geteuid() == 0:
        for each in (folder, *([small.outside] if small else [])):
            shutil.chown(each, "nobody", "nogroup")
        unprivileged = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    data, port = (disk.inside if disk else folder) / "data", free_port()
    running: PostgreSqlServer | None = None
    try:
        subprocess.run(
            [
                *enter,
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
                *(["--wal-segsize=1"] if small else []),
                *([f"--waldir={wal_disk.inside / 'wal'}"] if wal_disk else []),
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
            # A log that reuses its files could go on for long on a full disk.
            **({"max_wal_size": "4MB", "min_wal_size": "2MB", "wal_recycle": "off"} if small else {}),
            **(more or {}),
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

        def start() -> ServerProcess:
            return ServerProcess(
                "PostgreSQL",
                [Path(initdb).with_name("postgres"), "-D", data, *settings],
                log=log,
                cwd=folder,
                unprivileged=True,
                stop_signal=SIGINT,
                enter=enter,
                environ={**os.environ, **(environ or {})},
            )

        running = PostgreSqlServer(start(), port, start)
        running.wait_until_it_answers()
        yield running
    finally:
        if running is not None:
            running.process.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(server: PostgreSqlServer) -> bool:
    try:
        server.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def roomy_memory() -> str | None:
    """Return a folder in memory if there is one with room, else None."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3
    return str(memory) if roomy else None
