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
from kernel.settings import load_settings
from operations import schema
from operations.doctor import examine
from operations.finding import Severity
from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.servers.service import LiveService

NEWER = "9999"  # what a release after this one would leave behind


def expand(database: Database, *, since: str | None = None) -> None:
    """Do what a later release's migration may do: add a column, a table, an index; and note who gets along with it."""
    _, newest = schema.current(database)
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE idp_person ADD COLUMN of_tomorrow VARCHAR(20) DEFAULT 'x' NOT NULL"))
        connection.execute(text("ALTER TABLE audit_event ADD COLUMN of_tomorrow BIGINT"))
        connection.execute(text("CREATE TABLE tomorrow (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE INDEX ix_tomorrow ON idp_browser_session (person_id)"))
        connection.execute(text("UPDATE schema_compatibility SET since = :since"), {"since": since or newest})
        connection.execute(text("UPDATE alembic_version SET version_num = :newer"), {"newer": NEWER})


@pytest.mark.server
def test_the_running_release_goes_on_under_a_schema_that_only_added(live_service_of_its_own: LiveService) -> None:
    """Expand: people log in, the log grows, load balancers keep the node; and it can even be started again."""
    service = live_service_of_its_own
    with service.composition() as composition:
        expand(composition.database)
    assert requests.get(f"{service.url}/ready", timeout=10).status_code == 200
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


def test_a_newer_schema_that_moved_things_stops_this_release(tmp_path: Path, clock: ManualClock) -> None:
    """Contract: the node says that it is not ready, and does not start."""
    environ = {"SAU_HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir(mode=0o700)
    composition = Composition(load_settings(environ), clock=clock)
    schema.upgrade(composition.database)
    expand(composition.database, since=NEWER)
    assert not schema.fits(composition.database)
    assert any(finding.check == "schema" and finding.severity is Severity.BROKEN for finding in examine(composition))
    composition.database.dispose()


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
