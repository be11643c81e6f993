"""A PostgreSQL cluster loses machines while people log in, and nobody loses anything (attacks and faults, 21).

Three database machines under Patroni and etcd, HAProxy before them and PgBouncer before that, as ``deploy/cluster/``
sets them up, each machine in a network namespace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests

from tests.faults import Figure, rounds, turns
from tests.faults.load import Actors, Load
from tests.faults.nothing_lost import require_nothing_lost, require_tokens_active, wait_until
from tests.flows.form_browser import FormBrowser
from tests.servers.patroni import PatroniCluster, run_patroni
from tests.servers.service import LiveService, run_service

# Minutes: a failover waits for the primary's lease to end.
pytestmark = [pytest.mark.server, pytest.mark.faults]

_PEOPLE = 3
_LOAD_SECONDS = 2.0
_WATCHED_SECONDS = 15.0
_SECONDS = 120.0  # the limit of every wait


@dataclass(frozen=True)
class Site:
    """A service on a cluster, and who uses it. The last of the people is kept apart from the load."""

    cluster: PatroniCluster
    service: LiveService
    actors: Actors

    def load(self) -> Load:
        """Return everyone at work."""
        actors = Actors(self.actors.client, self.actors.credential, self.actors.citizens[:-1])
        return Load(self.service.url, actors)

    def lets_in(self) -> bool:
        """Try one login, from the beginning."""
        browser = FormBrowser(stop_at="\0")
        try:
            browser.open(f"{self.service.url}/login")
            browser.log_in(self.actors.citizens[-1])
        except (requests.RequestException, AssertionError):
            return False
        return browser.page.status_code == 200 and not browser.has_field("password")


@pytest.fixture(scope="module", params=["haproxy", "pgbouncer"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service on a cluster of three."""
    with run_patroni(pgbouncer=request.param == "pgbouncer") as cluster:
        folder = tmp_path_factory.mktemp("clustered")
        with run_service(folder, database_url=cluster.url, demo=False, more={"SAU_WORKERS": "2"}) as service:
            yield Site(cluster, service, Actors.of(service, people=_PEOPLE + 1))


def test_nothing_passes_between_machines_in_the_clear(site: Site) -> None:
    """TLS between all of them, and who has no certificate of the machines' authority hears nothing."""
    cluster = site.cluster
    with cluster.connect() as connection:
        found = connection.execute(
            "SELECT usename, ssl, client_dn IS NOT NULL FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
            " WHERE client_addr IS NOT NULL"
        ).fetchall()
    assert {name for name, *_ in found} >= {"replicator", "postgres", "sau"}
    assert all(encrypted for _, encrypted, _ in found)
    assert all(shown for name, _, shown in found if name != "sau")
    app, db = cluster.machines["app1"], cluster.machines["db1"]
    for port in (8008, 2379, 2380):
        assert app.fetch(f"https://{db.address}:{port}/version", tls=cluster.tls)[0]
        assert app.fetch(f"http://{db.address}:{port}/version")[0] in (0, 400)
        assert app.fetch(f"https://{db.address}:{port}/version", tls=cluster.anonymous)[0] == 0


def kill_postgresql(cluster: PatroniCluster, name: str) -> Callable[[], None]:
    """PostgreSQL alone; what brings it back is Patroni beside it."""
    cluster.kill_postgresql(name)
    return lambda: None


def kill_the_machine(cluster: PatroniCluster, name: str) -> Callable[[], None]:
    """PostgreSQL, Patroni and etcd: its power failed."""
    cluster.machines[name].kill()
    return lambda: cluster.start_machine(name)


def cut_the_machine_off(cluster: PatroniCluster, name: str) -> Callable[[], None]:
    """It goes on, and hears and reaches nobody: it must not think that it is the primary still."""
    cluster.machines[name].cut_off()
    return cluster.machines[name].join


def test_a_primary_is_lost_and_nothing_that_was_acknowledged(
    site: Site, request: pytest.FixtureRequest, figure: Figure
) -> None:
    """The primary fails again and again, each time in another way: 0 lost, and people get in soon after Patroni."""
    cluster, ways = site.cluster, (kill_postgresql, kill_the_machine, cut_the_machine_off)
    through_pgbouncer = "pgbouncer" in request.node.name
    number = rounds(1, 12 if through_pgbouncer else 50)
    failovers: list[float] = []
    logins: list[float] = []
    tokens = 0
    with site.load() as load:
        wait_until(lambda: load.acknowledged.total() > 0, "everyone is at work", seconds=_SECONDS)
        for turn in turns(f"failovers, {request.node.callspec.id}", number):
            time.sleep(_LOAD_SECONDS)
            primary = cluster.primary()
            assert primary
            began = time.monotonic()
            repair = ways[turn % len(ways)](cluster, primary)
            cluster.wait_until(lambda lost=primary: cluster.primary(but=lost) is not None, "another is primary")
            failovers.append(time.monotonic() - began)
            promoted = time.monotonic()
            wait_until(site.lets_in, "people get in", seconds=_SECONDS)
            logins.append(time.monotonic() - promoted)
            repair()
            cluster.wait_until(cluster.is_whole, "two standbys are synchronous again")
            tokens += require_tokens_active(load)
    found = require_nothing_lost(site.service, load)
    assert found.events
    figure("primary lost", len(failovers), "times")
    figure("another primary after, at most", max(failovers), "s")
    figure("first login after that, at most", max(logins), "s")
    figure("first login after that, half of the times", sorted(logins)[len(logins) // 2], "s")
    figure("events looked up, 0 lost", found.events, "")
    figure("tokens looked up, 0 lost", found.tokens + tokens, "")
    figure("certificates looked up, 0 lost", found.certificates, "")


@pytest.mark.parametrize("way", [kill_postgresql, kill_the_machine, cut_the_machine_off])
def test_a_standby_is_lost_and_commits_go_on(
    site: Site, way: Callable[[PatroniCluster, str], Callable[[], None]], figure: Figure
) -> None:
    """Both standbys confirm each commit; one that is gone is let go of, and commits wait no longer than that takes."""
    cluster, longest = site.cluster, 0.0
    with site.load() as load:
        wait_until(lambda: load.acknowledged.total() > 0, "everyone is at work", seconds=_SECONDS)
        repair = way(cluster, cluster.synchronous()[0])
        began = last = time.monotonic()
        seen = load.acknowledged.total()
        while time.monotonic() - began < _WATCHED_SECONDS:
            time.sleep(0.02)
            now, total = time.monotonic(), load.acknowledged.total()
            longest = max(longest, now - last)
            if total > seen:
                seen, last = total, now
        wait_until(lambda: load.acknowledged.total() > seen, "commits go on", seconds=_SECONDS)
        repair()
        cluster.wait_until(cluster.is_whole, "two standbys are synchronous again")
    require_nothing_lost(site.service, load)
    figure("longest time without an answer", longest, "s")
