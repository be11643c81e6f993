"""The service starts as an operator starts it, on either database, and stops without a trace."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.servers.postgresql import PostgreSqlServer
from tests.servers.process import accepts_connections
from tests.servers.service import LiveService


@pytest.mark.server
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_one_command_is_a_whole_service(
    kind: str, start_service: Callable[..., LiveService], request: pytest.FixtureRequest
) -> None:
    """``sau init``, ``sau serve``: ready, stopped; a second start keeps what the first made."""
    url = ""
    if kind == "postgresql":
        server: PostgreSqlServer = request.getfixturevalue("postgresql")
        url = server.url(server.create_database(with_schema=False))
    service = start_service(database_url=url, demo=False)
    assert service.process is not None
    group = service.process.pid
    service.command("init")
    service.stop()
    assert not accepts_connections(service.port)
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    service.start()
    assert service.is_ready()


@pytest.mark.server
def test_a_killed_service_starts_again(start_service: Callable[..., LiveService]) -> None:
    """No lock file, no stale port, no orphan of the first keeps the second from starting."""
    service = start_service(demo=False)
    service.kill()
    service.start()
    assert service.is_ready()
