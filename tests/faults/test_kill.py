"""``kill -9`` of any process in the middle of its work loses nothing that was acknowledged (attacks and faults, 20)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from tests.conftest import DATABASES
from tests.faults import Figure, rounds, turns
from tests.faults.load import Actors, Load
from tests.faults.nothing_lost import require_nothing_lost, require_tokens_active, wait_until
from tests.faults.strikes import (
    kill_a_database_backend,
    kill_a_web_worker,
    kill_everything,
    kill_the_background_worker,
    kill_the_database,
    kill_the_main_process,
)
from tests.servers.postgresql import run_postgresql
from tests.servers.service import LiveService

pytestmark = [pytest.mark.server, pytest.mark.slow]

_PEOPLE = 3
_LOAD_SECONDS = 1.0
_ENOUGH = 5
Strike = Callable[[LiveService], None]
Round = Sequence[Strike]


@pytest.fixture(params=DATABASES)
def struck(
    request: pytest.FixtureRequest, start_service: Callable[..., LiveService]
) -> Iterator[tuple[LiveService, Round]]:
    """A service with a database of its own, and what can be killed of it."""
    of_service: Round = (kill_the_background_worker, kill_everything, kill_a_web_worker, kill_the_main_process)
    with ExitStack() as stack:
        url, strikes = "", of_service
        if request.param == "postgresql":
            server = stack.enter_context(run_postgresql())
            url = server.url(server.create_database(with_schema=False))
            backend: Strike = lambda _service: kill_a_database_backend(server)  # noqa: E731
            postmaster: Strike = lambda _service: kill_the_database(server)  # noqa: E731
            strikes = (backend, kill_a_web_worker, postmaster, *of_service)
        yield start_service(database_url=url, demo=False, more={"SAU_WORKERS": "2"}), strikes


def test_kills_under_load_lose_nothing_that_was_acknowledged(struck: tuple[LiveService, Round], figure: Figure) -> None:
    """Any process, the sequencer and the database included: 0 events, tokens and certificates are lost."""
    service, strikes = struck
    database = "SQLite" if "sqlite" in service.environ.get("SAU_DATABASE_URL", "sqlite") else "PostgreSQL"
    number = rounds(3, 200)
    back: list[float] = []
    looked_up = 0
    with Load(service.url, Actors.of(service, people=_PEOPLE)) as load:
        wait_until(lambda: load.acknowledged.total() >= _ENOUGH, "everyone is at work")
        for turn in turns(f"kills, {database}", number):
            time.sleep(_LOAD_SECONDS)
            began = time.monotonic()
            strikes[turn % len(strikes)](service)
            before = load.acknowledged.total()
            wait_until(lambda before=before: load.acknowledged.total() > before, "it works again")
            wait_until(service.is_ready, "it is ready again")
            back.append(time.monotonic() - began)
            looked_up += require_tokens_active(load)
    found = require_nothing_lost(service, load)
    assert found.events > _ENOUGH
    assert found.certificates
    figure("killed", len(back), "times")
    figure("back after, at most", max(back), "s")
    figure("back after, half of the times", sorted(back)[len(back) // 2], "s")
    figure("events looked up, 0 lost", found.events, "")
    figure("tokens looked up, 0 lost", found.tokens + looked_up, "")
    figure("certificates looked up, 0 lost", found.certificates, "")
