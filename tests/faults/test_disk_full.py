"""A disk that is full, under the data, the write-ahead log, the home (attacks and faults, line 22)."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from tests.faults import Figure, rounds
from tests.faults.ledger import Ledger
from tests.servers.postgresql import PostgreSqlServer, run_postgresql
from tests.servers.service import LiveService, run_service
from tests.servers.small_disk import SmallDisk, run_small_disk

pytestmark = [pytest.mark.server, pytest.mark.slow]

_BACK_SECONDS = 60
_Place = Callable[[], AbstractContextManager[tuple[SmallDisk, PostgreSqlServer]]]


def test_with_sqlite_on_a_full_disk_nothing_is_acknowledged_that_is_not_there(tmp_path: Path, figure: Figure) -> None:
    """Database, its log, keys and anchors on one disk: whatever was answered with a token has its event."""
    with run_small_disk(megabytes=24) as disk, run_service(tmp_path, disk=disk, demo=False) as service:
        ledger = Ledger.open(service, tmp_path)
        with ledger.filling():
            for _ in range(rounds(1, 20)):
                back = _fill_and_clear(disk, service, ledger)
        figure("SQLite: works again after there is room, after", back, "s")
        _look_at_log(service)
        service.stop()
        shutil.copytree(disk.outside / "home", tmp_path / "copy")
        ledger.require_all(tmp_path / "copy")
        ledger.require_plain_refusals()
        figure("SQLite: acknowledged", len(ledger.acknowledged), "")
        figure("SQLite: refused while the disk was full", ledger.refusals[503], "")


@contextmanager
def _data() -> Iterator[tuple[SmallDisk, PostgreSqlServer]]:
    with run_small_disk(megabytes=160) as disk, run_postgresql(disk=disk) as server:
        yield disk, server


@contextmanager
def _write_ahead_log() -> Iterator[tuple[SmallDisk, PostgreSqlServer]]:
    with run_small_disk(megabytes=24) as disk, run_postgresql(wal_disk=disk) as server:
        yield disk, server


@pytest.mark.faults
@pytest.mark.parametrize("place", [_data, _write_ahead_log], ids=["data", "log"])
def test_with_postgresql_on_a_full_disk_nothing_is_acknowledged_that_is_not_there(
    tmp_path: Path, figure: Figure, place: _Place, request: pytest.FixtureRequest
) -> None:
    """The server refuses, or gives up and must be started again; the service tells it plainly and goes on after."""
    kind = request.node.callspec.id
    with ExitStack() as held:
        disk, server = held.enter_context(place())
        url = server.url(server.create_database(with_schema=False))
        service = held.enter_context(run_service(tmp_path, database_url=url, demo=False))
        ledger = Ledger.open(service, tmp_path)
        requests.get(f"{service.url}/.well-known/openid-configuration", timeout=60).raise_for_status()
        with ledger.filling():
            for _ in range(rounds(2, 20)):
                back = _fill_and_clear(disk, service, ledger, server)
        figure(f"PostgreSQL, {kind}: works again after there is room, after", back, "s")
        _look_at_log(service)
        ledger.require_all()
        ledger.require_plain_refusals()
        figure(f"PostgreSQL, {kind}: acknowledged", len(ledger.acknowledged), "")
        figure(f"PostgreSQL, {kind}: refused while the disk was full", ledger.refusals[503], "")


@pytest.mark.faults
def test_with_a_full_home_people_log_in_and_what_could_not_be_kept_there_follows(
    tmp_path: Path, figure: Figure, postgresql: PostgreSqlServer
) -> None:
    """Heads of the log are kept outside the database: while there is no room the log goes on without, then with."""
    url = postgresql.url(postgresql.create_database(with_schema=False))
    with (
        run_small_disk(megabytes=4) as disk,
        run_service(tmp_path, disk=disk, database_url=url, demo=False) as service,
    ):
        ledger = Ledger.open(service, tmp_path)
        with ledger.filling():
            for _ in range(rounds(1, 5)):
                disk.fill()
                before = len(ledger.acknowledged)
                time.sleep(3)
                assert len(ledger.acknowledged) > before
                assert requests.get(f"{service.url}/login", timeout=60).status_code == 200
                disk.clear()
                time.sleep(2)
        figure("full home: acknowledged meanwhile", len(ledger.acknowledged), "")
        assert ledger.refusals.total() == 0
        _look_at_log(service)


def _fill_and_clear(
    disk: SmallDisk, service: LiveService, ledger: Ledger, server: PostgreSqlServer | None = None
) -> float:
    """Fill the disk to about its last octet under load, look, make room, and return how long it takes to go on."""
    refused = ledger.refusals.total()
    disk.fill(leave=random.randrange(64 * 1024))
    deadline = time.monotonic() + 120
    while ledger.refusals.total() < refused + 5:
        assert time.monotonic() < deadline, "it never gets full"
        time.sleep(0.1)
        disk.fill()  # what was given free meanwhile
    time.sleep(0.5)
    _look_around(service)
    disk.clear()
    if server is not None:
        time.sleep(0.5)
        server.wait_until_it_answers()
    cleared, before = time.monotonic(), len(ledger.acknowledged)
    while len(ledger.acknowledged) == before:
        assert time.monotonic() < cleared + _BACK_SECONDS, "it does not come back"
        time.sleep(0.02)
    return time.monotonic() - cleared


def _look_around(service: LiveService) -> None:
    page = requests.get(f"{service.url}/login", timeout=30, allow_redirects=False)
    assert page.status_code == 503
    assert int(page.headers["Retry-After"]) > 0
    assert "El servicio no responde en este momento" in page.text
    for path in ("/health", "/jwks", "/.well-known/openid-configuration"):
        assert requests.get(service.url + path, timeout=60).status_code == 200, path


def _look_at_log(service: LiveService) -> None:
    """Everything gets its place and the log is whole."""
    deadline = time.monotonic() + _BACK_SECONDS
    while service.json("audit", "status")["waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert service.json("audit", "verify", "--full")["intact"]
