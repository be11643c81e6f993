"""`sau init`: repeatable, and closed to others."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from admin.permissions import Role
from admin.roles import list_role_holdings
from audit.model import AuditEvent
from ca.issuance.model import Authority, Certificate
from composition import Composition
from idp.accounts.model import EnrollmentLinkRow, PersonRow
from idp.clients.client import find_client
from kernel.errors import Fault, Rejected
from kernel.settings import load_settings
from operations.installation import install


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Composition]:
    """A service that nobody has installed yet."""
    composed = Composition(load_settings({"SAU_HOME": str(tmp_path / "new" / "home")}))
    yield composed
    composed.database.dispose()


def test_makes_a_service_that_can_start(fresh: Composition) -> None:
    """Database, keys, root, issuing authority, and a link for the first administrator."""
    report = install(fresh, demo=False)
    assert report.administrator_link.startswith("http://localhost:8000/enroll/")
    with fresh.database.reading() as session:
        assert set(session.scalars(select(Authority.name))) == {"root", "issuing-1"}
        [holding] = list_role_holdings(session)
        assert holding.role is Role.ADMINISTRATOR
        assert session.get(PersonRow, holding.person_id) is None


def test_what_it_makes_is_closed_to_other_users(fresh: Composition) -> None:
    """Home 0700, every file of keys and passphrases 0600, whatever the umask."""
    install(fresh, demo=False)
    home = fresh.settings.home
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    secrets = [*home.glob("keys/*"), *home.glob("root/*"), home / "passphrase", home / "root-passphrase"]
    assert len(secrets) > 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}


def test_running_it_again_leaves_what_exists_and_renews_only_the_unused_link(fresh: Composition) -> None:
    """Idempotent: same authorities, same certificates, one role; the old link is dead, the new one is for the same."""
    first = install(fresh, demo=False)
    with fresh.database.reading() as session:
        before = session.scalar(select(func.count()).select_from(Certificate))
    second = install(fresh, demo=False)
    assert second.administrator_link != first.administrator_link
    assert second.root_fingerprint == first.root_fingerprint
    with fresh.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Certificate)) == before
        assert len(list_role_holdings(session)) == 1
        links = session.scalars(select(EnrollmentLinkRow).order_by(EnrollmentLinkRow.id)).all()
        assert [link.superseded_at is None for link in links] == [False, True]
        initialized = select(func.count()).where(AuditEvent.type == "service:installation:initialized")
        assert session.scalar(initialized) == 1


def test_refuses_a_home_that_others_can_read(fresh: Composition) -> None:
    """Attacks and faults, 18: readable by others, refuses to start."""
    fresh.settings.home.mkdir(parents=True, mode=0o755)
    fresh.settings.home.chmod(0o755)
    with pytest.raises(Fault, match="chmod 700"):
        install(fresh, demo=False)


def test_refuses_demo_data_on_a_real_name(tmp_path: Path) -> None:
    """Known passwords belong on loopback and .test names only."""
    real = Composition(load_settings({"SAU_HOME": str(tmp_path / "home"), "SAU_ISSUER": "https://sau.gob.example"}))
    with pytest.raises(Rejected, match="loopback"):
        install(real, demo=True)
    assert not (tmp_path / "home").exists()


def test_demo_data_are_made_once_and_moved_with_the_service(tmp_path: Path) -> None:
    """A second run keeps people, secrets and roles; another port moves the portals' addresses with it."""
    environ = {"SAU_HOME": str(tmp_path / "home"), "SAU_DEMO": "1"}
    first = install(Composition(load_settings(environ)), demo=True).demo
    assert first is not None
    portals_file = Path(first.portals_file)
    portals = json.loads(portals_file.read_text())
    assert stat.S_IMODE(portals_file.stat().st_mode) == 0o600
    moved = Composition(load_settings(environ | {"SAU_ISSUER": "http://localhost:9000"}))
    second = install(moved, demo=True).demo
    assert second is not None
    assert second.people == first.people
    after = json.loads(portals_file.read_text())
    assert [portal["client_secret"] for portal in after] == [portal["client_secret"] for portal in portals]
    assert [portal["port"] for portal in after] == [9001, 9002]
    with moved.database.reading() as session:
        client = find_client(session, after[0]["client_id"])
        assert client.redirect_uris == ("http://localhost:9001/callback",)
    moved.database.dispose()


def test_a_lost_portals_file_brings_a_further_secret_and_no_second_portal(tmp_path: Path) -> None:
    """The secret itself cannot be read back: only its digest was kept."""
    composed = Composition(load_settings({"SAU_HOME": str(tmp_path / "home"), "SAU_DEMO": "1"}))
    report = install(composed, demo=True).demo
    assert report is not None
    before = json.loads(Path(report.portals_file).read_text())
    Path(report.portals_file).unlink()
    install(composed, demo=True)
    after = json.loads(Path(report.portals_file).read_text())
    assert [portal["client_id"] for portal in after] == [portal["client_id"] for portal in before]
    assert all(new["client_secret"] != old["client_secret"] for new, old in zip(after, before, strict=True))
    composed.database.dispose()
