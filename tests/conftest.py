"""Fixtures shared by all tests: a clock that stands, an empty database, keys, the composed service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from composition import Composition
from kernel.clock import ManualClock
from kernel.database import Base, Database
from kernel.settings import Settings, load_settings
from keys.file_store import read_passphrase


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at a Monday noon until the test moves it."""
    return ManualClock(datetime(2026, 11, 23, 17, 0, tzinfo=UTC))


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    return f"sqlite:///{tmp_path}/sau.sqlite"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a service at http://localhost:8000 in a fresh home."""
    home = tmp_path / "home"
    read_passphrase(home / "passphrase", create=True)
    return load_settings(
        {"SAU_HOME": str(home), "SAU_DATABASE_URL": database_url, "SAU_ISSUER": "http://localhost:8000"}
    )


@pytest.fixture
def composition(settings: Settings, clock: ManualClock) -> Iterator[Composition]:
    """The whole service over an empty schema."""
    composed = Composition(settings, clock=clock)
    Base.metadata.create_all(composed.database.engine)
    yield composed
    composed.database.dispose()


@pytest.fixture
def database(composition: Composition) -> Database:
    """An empty schema, on each of the databases that we support."""
    return composition.database
