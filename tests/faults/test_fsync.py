"""A disk that says that it did not write (attacks and faults, line 22): nobody is told that something is durable."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults import Figure, rounds
from tests.faults.ledger import Ledger
from tests.servers.postgresql import PostgreSqlServer, run_postgresql
from tests.servers.process import find_program
from tests.servers.service import LiveService, run_service

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.faults]

_BACK_SECONDS = 60


@dataclass(frozen=True)
class Switch:
    """While ``file`` exists, no fsync of a program with this environment succeeds."""

    file: Path
    environ: dict[str, str]


@pytest.fixture
def switch() -> Iterator[Switch]:
    """The library that fails, compiled here."""
    compiler = find_program("gcc", "cc", package="gcc libc6-dev")
    folder = Path(tempfile.mkdtemp(prefix="sau-fsync-"))
    folder.chmod(0o755)  # the database server is another user
    library = folder / "failing_fsync.so"
    source = Path(__file__).with_name("failing_fsync.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    file = folder / "switch"
    yield Switch(file, {"LD_PRELOAD": str(library), "FAULT_SWITCH": str(file)})
    shutil.rmtree(folder)


def test_sqlite_acknowledges_nothing_that_was_not_written(switch: Switch, tmp_path: Path, figure: Figure) -> None:
    """A commit whose fsync fails is answered 503, and the next one that succeeds is whole."""
    with run_service(tmp_path, demo=False, more=switch.environ) as service:
        ledger = Ledger.open(service, tmp_path)
        _fail_again_and_again(switch, service, ledger, figure, "SQLite")


def test_postgresql_acknowledges_nothing_that_was_not_written(switch: Switch, tmp_path: Path, figure: Figure) -> None:
    """It gives up (PANIC) and recovers; what was in flight is answered 503."""
    with run_postgresql(environ=switch.environ) as server:
        url = server.url(server.create_database(with_schema=False))
        with run_service(tmp_path, database_url=url, demo=False) as service:
            ledger = Ledger.open(service, tmp_path)
            _fail_again_and_again(switch, service, ledger, figure, "PostgreSQL", server)


def _fail_again_and_again(
    switch: Switch,
    service: LiveService,
    ledger: Ledger,
    figure: Figure,
    kind: str,
    server: PostgreSqlServer | None = None,
) -> None:
    with ledger.filling():
        for _ in range(rounds(2, 20)):
            _wait_for_one_more(ledger)
            switch.file.touch()
            time.sleep(0.5)  # what was written before has been answered
            acknowledged, refused = len(ledger.acknowledged), ledger.refusals.total()
            time.sleep(2)
            assert len(ledger.acknowledged) == acknowledged
            assert ledger.refusals.total() > refused
            switch.file.unlink()
            if server is not None:
                server.wait_until_it_answers()
            back = _wait_for_one_more(ledger)
    figure(f"fsync fails, {kind}: works again after", back, "s")
    figure(f"fsync fails, {kind}: acknowledged", len(ledger.acknowledged), "")
    figure(f"fsync fails, {kind}: refused", ledger.refusals.total(), "")
    ledger.require_plain_refusals()
    ledger.require_all()
    assert service.json("audit", "verify", "--full")["intact"]


def _wait_for_one_more(ledger: Ledger) -> float:
    started, before = time.monotonic(), len(ledger.acknowledged)
    while len(ledger.acknowledged) == before:
        assert time.monotonic() < started + _BACK_SECONDS, "it does not come back"
        time.sleep(0.02)
    return time.monotonic() - started
