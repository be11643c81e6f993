"""Migrations make the very schema that the mapped classes describe."""

from __future__ import annotations

from pathlib import Path

import pytest

import composition  # noqa: F401 - loads every table
from kernel.database import Database
from operations.schema import current, drift, upgrade
from tests.architecture.source import ROOT
from tests.servers.postgresql import PostgreSqlServer

pytestmark = pytest.mark.skipif(
    not list((ROOT / "migrations" / "versions").glob("*.py")), reason="no migration has been written yet"
)


def _check(database: Database) -> None:
    revision = upgrade(database)
    assert current(database) == (revision, revision)
    assert drift(database) == []
    assert upgrade(database) == revision
    database.dispose()


def test_sqlite_schema_has_no_drift(tmp_path: Path) -> None:
    """From nothing to the newest revision, and a second time without effect."""
    _check(Database(f"sqlite:///{tmp_path}/sau.sqlite"))


def test_postgresql_schema_has_no_drift(postgresql: PostgreSqlServer) -> None:
    """The same on PostgreSQL."""
    name = postgresql.create_database(with_schema=False)
    _check(Database(postgresql.url(name)))
    postgresql.drop_database(name)
