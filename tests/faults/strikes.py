"""``kill -9``: of which process, and what brings it back."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.servers.postgresql import PostgreSqlServer
from tests.servers.process import living_members
from tests.servers.service import LiveService


def kill_a_web_worker(service: LiveService) -> None:
    """One of two: the other goes on, and it comes back."""
    worker = next(pid for pid, name in children_of(service).items() if not is_background(name))
    os.kill(worker, signal.SIGKILL)


def kill_the_background_worker(service: LiveService) -> None:
    """The sequencer dies with it, its lease still held."""
    worker = next((pid for pid, name in children_of(service).items() if is_background(name)), None)
    if worker is not None:  # the last one's successor may not be there yet
        os.kill(worker, signal.SIGKILL)


def kill_the_main_process(service: LiveService) -> None:
    """Its children are left without it; what watches over services (systemd) then ends them and starts anew."""
    assert service.process is not None
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.process.wait()
    time.sleep(0.05)
    kill_everything(service)


def kill_everything(service: LiveService) -> None:
    """As when a machine's power fails."""
    group = service.process.pid if service.process else 0
    service.kill()
    while living_members(group):
        time.sleep(0.01)
    service.start()


def kill_a_database_backend(server: PostgreSqlServer) -> None:
    """A process of PostgreSQL that serves one connection. PostgreSQL then ends all others, and recovers."""
    for backend in _backends(server):
        with suppress(ProcessLookupError):
            os.kill(backend, signal.SIGKILL)
            return


def kill_the_database(server: PostgreSqlServer) -> None:
    """The postmaster: its children end by themselves, and whoever watches over it starts it again."""
    server.process.kill()
    server.restart()


def is_background(name: str) -> bool:
    """Tell the background worker from web workers by its name."""
    return name == "sau worker"


def children_of(service: LiveService) -> dict[int, str]:
    """Return the names of the service's child processes, by process id."""
    assert service.process is not None
    found: dict[int, str] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            command = (path / "cmdline").read_text()
            if parent == service.process.pid and "resource_tracker" not in command:
                found[int(path.name)] = (path / "comm").read_text().strip()
        except OSError:
            continue
    return found


def _backends(server: PostgreSqlServer) -> list[int]:
    with psycopg.connect(host="127.0.0.1", port=server.port, user="postgres", autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'sau' ORDER BY state_change DESC"
        ).fetchall()
    return [pid for (pid,) in rows]
