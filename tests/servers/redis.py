"""A Redis server that keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import ServerProcess, accepts_connections, find_program, free_port


@contextmanager
def run_redis(folder: Path) -> Iterator[str]:
    """Start Redis (or Valkey) and yield its address, ``redis://127.0.0.1:PORT/0``."""
    program = find_program("redis-server", "valkey-server", package="redis-server")
    port = free_port()
    arguments = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = ServerProcess("Redis", [*arguments, "--dir", folder], log=folder / "redis.log")
    server.wait_until(lambda: accepts_connections(port))
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.stop()
