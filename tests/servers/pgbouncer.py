"""PgBouncer before a PostgreSQL server, handing connections round after each transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import ServerProcess, accepts_connections, find_program, free_port

_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
"""


@contextmanager
def run_pgbouncer(folder: Path, *, server: int, size: int) -> Iterator[int]:
    """Start it and yield its port.

    :param server: the port of PostgreSQL.
    :param size: connections to PostgreSQL.
    """
    program, port = find_program("pgbouncer", package="pgbouncer"), free_port()
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    file = folder / "pgbouncer.ini"
    file.write_text(_CONFIGURATION.format(server=server, port=port, size=size))
    file.chmod(0o644)  # whatever umask a command of ours that ran in this process has left
    process = ServerProcess("PgBouncer", [program, file], log=folder / "pgbouncer.log", unprivileged=True)
    process.wait_until(lambda: accepts_connections(port))
    try:
        yield port
    finally:
        process.stop()
