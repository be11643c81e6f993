"""Two releases on one database: what only adds runs beside the old one; what moves stops it first."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import text

import sau
from composition import Composition
from kernel.clock import ManualClock
from kernel.database import Database
from kernel.settings import Settings, load_settings
from operations import schema
from operations.checks import GROUND
from operations.finding import Severity
from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.servers.service import LiveService

NEWER = "9999"  # what a release after this one would leave behind


def expand(database: Database) -> None:
    """Do what a later release's migration may do: add a column, a table, an index; and note who gets along with it."""
    _, newest = schema.current(database)
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE idp_person ADD COLUMN of_tomorrow VARCHAR(20) DEFAULT 'x' NOT NULL"))
        connection.execute(text("ALTER TABLE audit_event ADD COLUMN of_tomorrow BIGINT"))
        connection.execute(text("CREATE TABLE tomorrow (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE INDEX ix_tomorrow ON idp_browser_session (person_id)"))
        connection.execute(text("UPDATE schema_compatibility SET since = :since"), {"since": newest})
        connection.execute(text("UPDATE alembic_version SET version_num = :newer"), {"newer": NEWER})


@pytest.mark.server
def test_the_running_release_goes_on_under_a_schema_that_only_added(live_service_of_its_own: LiveService) -> None:
    """Expand: people log in, the log grows, load balancers keep the node; and it can even be started again."""
    service = live_service_of_its_own
    with service.composition() as composition:
        expand(composition.database)
    assert requests.get(f"{service.url}/ready", timeout=60).status_code == 200
    browser = FormBrowser()
    browser.open(f"{service.url}/login")
    browser.log_in(citizen_of(service))
    assert browser.page.url == f"{service.url}/account"
    service.stop()
    assert service.json("db", "upgrade")["revision"] == NEWER  # left as it is
    service.start()
    service.command("audit", "verify", "--full")


@pytest.fixture
def live_service_of_its_own(start_service: object) -> LiveService:
    """A service whose database may be changed."""
    return start_service(demo=False)  # type: ignore[no-any-return,operator]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_newer_schema_fits_where_it_only_added_and_stops_this_release_where_it_moved(
    kind: str, settings: Settings, clock: ManualClock, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Expand: well, and left as it is. Contract: not ready, does not start, and the doctor says so."""
    url, name = f"sqlite:///{tmp_path}/newer.sqlite", ""
    if kind == "postgresql":
        name = request.getfixturevalue("postgresql").create_database(with_schema=False)
        url = request.getfixturevalue("postgresql").url(name)
    composition = Composition(settings.model_copy(update={"database_url": url}), clock=clock)
    database = composition.database
    schema.upgrade(database)
    expand(database)
    assert schema.fits(database)
    assert schema.upgrade(database) == NEWER
    assert next(iter(GROUND["schema"](composition))).severity is Severity.OK
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE schema_compatibility SET since = :newer"), {"newer": NEWER})
    assert not schema.fits(database)
    assert [finding.severity for finding in GROUND["schema"](composition)] == [Severity.BROKEN]
    database.dispose()
    if name:
        request.getfixturevalue("postgresql").drop_database(name)


def test_a_migration_that_moves_things_asks_whether_the_old_release_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody finds out by errors of the nodes that still run."""
    (tmp_path / "home").mkdir(mode=0o700)
    monkeypatch.setenv("SAU_HOME", str(tmp_path / "home"))
    database = Database(load_settings({"SAU_HOME": str(tmp_path / "home")}).effective_database_url)
    schema.upgrade(database, "0001")
    sau._composition.cache_clear()
    refused = CliRunner().invoke(sau.main, ["db", "upgrade"])
    assert refused.exit_code == 1
    assert "sau db upgrade --stopped" in refused.output
    assert schema.current(database)[0] == "0001"
    sau._composition.cache_clear()
    database.dispose()
