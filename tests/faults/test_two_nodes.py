"""Two nodes behind nginx: one is killed, and nobody notices beyond a retry (attacks and faults, line 21)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests

from tests.faults import Figure, rounds
from tests.faults.load import Actors, Load
from tests.faults.nothing_lost import require_nothing_lost, require_tokens_active, wait_until
from tests.flows.citizens import Citizen
from tests.flows.form_browser import FormBrowser
from tests.servers.nginx import run_nginx
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.process import free_port
from tests.servers.service import LiveService, run_service
from tests.servers.tls import write_localhost_certificate

pytestmark = [pytest.mark.server, pytest.mark.slow]

_LOAD_SECONDS = 1.0


@dataclass(frozen=True)
class Nodes:
    """Two nodes with homes of their own, one database, one folder of keys, Redis for limits, and nginx before them."""

    url: str
    trust: Path
    each: tuple[LiveService, LiveService]
    actors: Actors


@pytest.fixture
def nodes(postgresql: PostgreSqlServer, redis_url: str, tmp_path: Path) -> Iterator[Nodes]:
    """The site of ``docs/cluster.md``, on one machine."""
    port = free_port()
    url = f"https://localhost:{port}"
    folders = [tmp_path / name for name in ("one", "two", "proxy")]
    for folder in folders:
        folder.mkdir()
    trust, key = write_localhost_certificate(folders[2])
    more = {
        "SAU_ISSUER": url,
        "SAU_TRUSTED_PROXIES": "127.0.0.1/32",
        "SAU_REDIS_URL": redis_url,
        "SAU_KEYSTORE": f"file:{tmp_path / 'keys'}",
        "SAU_KEYSTORE_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
    }
    database_url = postgresql.url(postgresql.create_database(with_schema=False))
    with ExitStack() as stack:
        given = {"database_url": database_url, "demo": False, "more": more}
        first = stack.enter_context(run_service(folders[0], **given))
        second = stack.enter_context(run_service(folders[1], init=False, **given))
        stack.enter_context(
            run_nginx(folders[2], upstream=first.port, second=second.port, certificate=trust, key=key, port=port)
        )
        yield Nodes(url, trust, (first, second), Actors.of(first, people=3))


def test_a_node_is_killed_and_nobody_notices_beyond_a_retry(nodes: Nodes, figure: Figure) -> None:
    """Whoever is refused is served when he asks again; one who had logged in is still logged in, on the other node."""
    number, waits = rounds(2, 50), 0.0
    *working, watcher = nodes.actors.citizens
    browser = FormBrowser(trust=nodes.trust)
    browser.open(f"{nodes.url}/login")
    browser.log_in(watcher)
    with Load(nodes.url, replace(nodes.actors, citizens=working), trust=nodes.trust) as load:
        wait_until(lambda: load.acknowledged.total() > 0, "everyone is at work")
        for turn in range(number):
            time.sleep(_LOAD_SECONDS)
            node = nodes.each[turn % 2]
            node.kill()
            waits = max(waits, _require_logged_in(browser, nodes, watcher))
            before = load.acknowledged.total()
            wait_until(lambda before=before: load.acknowledged.total() > before, "the other node does it all")
            node.start()
            require_tokens_active(load)
    # One that was being sent when its node died, and no second one after it.
    assert load.acknowledged.in_a_row <= 1, load.acknowledged.refused
    assert load.acknowledged.refused.total() <= number * (len(working) + 1)
    found = require_nothing_lost(nodes.each[0], load)
    figure("nodes killed", number, "times")
    figure("requests that had to be sent again", load.acknowledged.refused.total(), "")
    figure("longest answer to one who was logged in, while a node was away", waits, "s")
    figure("events, tokens and certificates looked up, 0 lost", found.events + found.tokens + found.certificates, "")


def _require_logged_in(browser: FormBrowser, nodes: Nodes, citizen: Citizen) -> float:
    """Open the account's page until it has been asked for as often as both nodes would have had their turn."""
    longest = 0.0
    for _ in range(4):
        began = time.monotonic()
        answer = browser.session.get(f"{nodes.url}/account", timeout=60)
        longest = max(longest, time.monotonic() - began)
        assert answer.status_code == requests.codes.ok
        assert citizen.name in answer.text
    return longest
