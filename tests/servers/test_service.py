"""The service starts as an operator starts it, on either database, and stops without a trace."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.postgresql import PostgreSqlServer
from tests.servers.process import accepts_connections, living_members
from tests.servers.service import LiveService


@pytest.mark.server
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_one_command_is_a_whole_service(
    kind: str, start_service: Callable[..., LiveService], request: pytest.FixtureRequest
) -> None:
    """``sau init``, ``sau serve``: ready, stopped; a second start keeps what the first made.

    Every process of the one on SQLite is started from nothing (:mod:`tests.servers.loaded`).
    """
    url = ""
    if kind == "postgresql":
        server: PostgreSqlServer = request.getfixturevalue("postgresql")
        url = server.url(server.create_database(with_schema=False))
    service = start_service(database_url=url, demo=False, loaded=kind != "sqlite")
    assert service.process is not None
    group = service.process.pid
    for member in living_members(group):  # Attacks and faults, line 18: keys are in no core file
        limits = Path(f"/proc/{member}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.M), limits
    service.command("init")
    service.process.process.terminate()
    service.process.process.wait(20)
    deadline = time.monotonic() + 60
    while living_members(group) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert living_members(group) == []
    assert not accepts_connections(service.port)
    service.stop()
    service.start()
    assert service.is_ready()


@pytest.mark.server
def test_a_killed_service_starts_again(start_service: Callable[..., LiveService]) -> None:
    """No lock file, no stale port, no orphan of the first keeps the second from starting."""
    service = start_service(demo=False)
    service.kill()
    service.start()
    assert service.is_ready()
