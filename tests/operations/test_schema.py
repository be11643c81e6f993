"""Migrations run one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.database import Database
from operations import schema
from tests.servers.postgresql import PostgreSqlServer


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/bare.sqlite"
        return
    server: PostgreSqlServer = request.getfixturevalue("postgresql")
    name = server.create_database(with_schema=False)
    yield server.url(name)
    server.drop_database(name)


def test_of_four_upgrades_at_once_one_runs_and_the_others_find_it_done(bare_url: str) -> None:
    """Attacks and faults, 24: two migrations at once, one runs."""
    revisions, failures = [], []
    start = threading.Barrier(4)

    def upgrade() -> None:
        database = Database(bare_url)
        try:
            start.wait()
            revisions.append(schema.upgrade(database))
        except Exception as error:
            failures.append(error)
        finally:
            database.dispose()

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(set(revisions)) == 1
    assert len(revisions) == 4
