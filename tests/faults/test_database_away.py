"""The service over a slow database, a silent one and none at all (attacks and faults, line 23)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests

from tests.faults import Figure, rounds
from tests.faults.ledger import Ledger
from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.relay import Relay, run_relay
from tests.servers.service import LiveService, run_service

pytestmark = [pytest.mark.server, pytest.mark.slow]

_SLOW_MS = rounds(40, 200)  # milliseconds that each answer of the database is late
_SHORT = 20.0  # seconds within which a fault that is known is told
_LONG = 60.0  # seconds within which everything is told, however it fails
_DOCUMENTS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks")


@dataclass(frozen=True)
class Distant:
    """A service and the way to its database."""

    service: LiveService
    relay: Relay
    ledger: Ledger


@pytest.fixture(scope="module")
def distant(postgresql: PostgreSqlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Distant]:
    """A service whose database is reached by a relay; shared by the tests here, each leaves it whole."""
    folder = tmp_path_factory.mktemp("distant")
    name = postgresql.create_database(with_schema=False)
    with run_relay(postgresql.port) as relay:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{relay.port}/{name}"
        with run_service(folder, database_url=url, demo=False) as service:
            yield Distant(service, relay, Ledger.open(service, folder))


def test_people_log_in_while_every_answer_of_the_database_is_late(distant: Distant, figure: Figure) -> None:
    """Up to +200 ms an answer: login and tokens work, and no connection is opened beyond the pool's."""
    citizen = citizen_of(distant.service)
    before = len(distant.ledger.acknowledged)
    distant.relay.delay = _SLOW_MS / 1000
    try:
        with distant.ledger.filling(callers=rounds(8, 64)):
            browser = FormBrowser()
            started = time.monotonic()
            browser.open(f"{distant.service.url}/login")
            browser.log_in(citizen)
            figure(f"login with +{_SLOW_MS} ms an answer of the database", time.monotonic() - started, "s")
            assert browser.page.status_code == 200
            assert not browser.has_field("password")
            time.sleep(rounds(1, 20))
            most = distant.relay.open_now
    finally:
        distant.relay.delay = 0
    figure("tokens meanwhile", len(distant.ledger.acknowledged) - before, "")
    figure("connections to the database at most", most, "")
    assert len(distant.ledger.acknowledged) > before
    assert most <= 2 * 20 + 4  # a web process's pool, the background worker's
    distant.ledger.require_plain_refusals()
    distant.ledger.require_all()


def _stop(relay: Relay) -> None:
    relay.closed = True
    relay.cut()


def _silence(relay: Relay) -> None:
    relay.silent = True


def _restore(relay: Relay) -> None:
    relay.closed = relay.silent = False


@pytest.mark.parametrize(
    "strike",
    [pytest.param(_stop, id="stopped"), pytest.param(_silence, id="silent", marks=pytest.mark.faults)],
)
def test_without_a_database_answers_are_plain_and_bounded(
    distant: Distant, figure: Figure, strike: Callable[[Relay], None], request: pytest.FixtureRequest
) -> None:
    """503 with Retry-After in bounded time, published documents as ever, ``/ready`` says no; back without help."""
    service, ledger, kind = distant.service, distant.ledger, request.node.callspec.id
    for path in _DOCUMENTS:
        requests.get(service.url + path, timeout=60).raise_for_status()
    for _ in range(rounds(1, 10)):
        ledger.longest = 0.0
        with ledger.filling():
            time.sleep(0.5)
            strike(distant.relay)
            try:
                _look_around(service)
            finally:
                _restore(distant.relay)
            restored = time.monotonic()
            acknowledged = len(ledger.acknowledged)
            while len(ledger.acknowledged) == acknowledged:
                assert time.monotonic() < restored + 60, "it does not come back"
                time.sleep(0.05)
            back = time.monotonic() - restored
            _until(service.is_ready)
        assert ledger.longest < _LONG
    figure(f"database {kind}: longest answer", ledger.longest, "s")
    figure(f"database {kind}: back after", back, "s")
    ledger.require_plain_refusals()
    ledger.require_all()


def _look_around(service: LiveService) -> None:
    """See what a portal, a person and a load balancer see while the database is away."""
    started = time.monotonic()
    for path in (*_DOCUMENTS, "/health"):
        answer = requests.get(service.url + path, timeout=_LONG)
        assert answer.status_code == 200, (path, answer.text)
    assert time.monotonic() - started < _LONG
    page = requests.get(f"{service.url}/login", timeout=_LONG, allow_redirects=False)
    assert page.status_code == 503
    assert int(page.headers["Retry-After"]) > 0
    assert "El servicio no responde en este momento" in page.text
    assert requests.get(f"{service.url}/ready", timeout=_LONG).status_code == 503
    # By now it is known: nobody waits any more, and documents stay.
    for path in ("/ready", "/login", *_DOCUMENTS):
        started = time.monotonic()
        answer = requests.get(service.url + path, timeout=_LONG, allow_redirects=False)
        assert answer.status_code == (503 if path in ("/ready", "/login") else 200), path
        assert time.monotonic() - started < _SHORT, path


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
