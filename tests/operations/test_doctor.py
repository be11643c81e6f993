"""`sau doctor`: what is wrong is found, by name, with how bad it is and the remedy."""

from __future__ import annotations

import json
import shutil
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from sqlalchemy import delete, select

import sau
from audit.event import Event
from audit.sequencer import Sequencer
from audit.vocabulary import EventType
from ca.transparency.model import CertificateLogEntry
from composition import Composition
from idp.tokens.model import EncryptionKeyRow
from kernel.clock import ManualClock
from kernel.errors import Unavailable
from kernel.outbox import enqueue
from kernel.settings import Settings, load_settings
from operations import schema
from operations.age_checks import host_certificate_ends, judge_host, last_backup
from operations.checks import GROUND
from operations.doctor import examine
from operations.finding import Finding, Severity
from operations.installation import install
from operations.settings_checks import settings_in_force, several_nodes, witnesses
from tests.outgoing.host import ok, run_host
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.process import free_port
from tests.servers.tls import write_localhost_certificate


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a demonstration, just installed and sequenced: made once, for it takes seconds."""
    home = tmp_path_factory.mktemp("doctor") / "home"
    at = ManualClock(datetime(2026, 11, 23, 17, 0, tzinfo=UTC))
    composed = Composition(load_settings({"SAU_HOME": str(home), "SAU_DEMO": "1"}), clock=at)
    install(composed, demo=True)
    sequencer = Sequencer(composed.audit)
    sequencer.run()
    sequencer.release()
    composed.database.dispose()
    return home


@pytest.fixture
def installed(kept: Path, tmp_path: Path, clock: ManualClock) -> Iterator[Composition]:
    """A copy of it."""
    shutil.copytree(kept, tmp_path / "home")
    composed = Composition(load_settings({"SAU_HOME": str(tmp_path / "home"), "SAU_DEMO": "1"}), clock=clock)
    yield composed
    composed.database.dispose()


def _found(composition: Composition, check: str) -> Finding:
    [finding] = [finding for finding in examine(composition) if finding.check == check]
    return finding


def test_a_fresh_demonstration_has_nothing_broken(installed: Composition) -> None:
    """Nobody is sent after ghosts; and every warning says what to do."""
    findings = examine(installed)
    assert [finding for finding in findings if finding.severity is Severity.BROKEN] == []
    assert all(finding.remedy for finding in findings if finding.severity > Severity.OK)
    assert all(isinstance(value, str) for finding in findings for value in finding.as_record().values())


def test_a_key_that_others_can_read_is_named_with_its_remedy(installed: Composition) -> None:
    """Attacks and faults, 18."""
    key = next(installed.settings.keystore_folder.glob("*.key"))
    key.chmod(0o644)
    fresh = Composition(installed.settings, clock=installed.clock)
    broken = [finding for finding in examine(fresh) if finding.severity is Severity.BROKEN]
    assert any(str(key) in finding.said and "chmod" in finding.remedy for finding in broken)
    fresh.database.dispose()


def test_what_an_interrupted_resharing_left_is_named(installed: Composition) -> None:
    """A copy of the root's key beside the key: the next one removes it, and until then somebody should know."""
    assert all(finding.check != "root key" for finding in examine(installed))
    draft = installed.settings.home / ".root.k2f9"
    draft.mkdir()
    (draft / "root.key").write_bytes(b"of one that was killed")
    finding = _found(installed, "root key")
    assert finding.severity is Severity.WARNING
    assert draft.name in finding.said
    assert "sau ca reshare" in finding.remedy
    draft.rename(draft.with_name("elsewhere"))


def test_a_lost_signing_key_is_named(installed: Composition) -> None:
    """Tokens could not be signed: nobody would get in."""
    lost = next(name for name in installed.keystore.names() if "es256" in name.lower())
    installed.keystore.destroy(lost)
    finding = _found(installed, "signing keys")
    assert finding.severity is Severity.BROKEN
    assert lost in finding.said


def test_a_list_that_ran_out_is_broken_and_the_roots_is_warned_of_a_month_ahead(
    installed: Composition, clock: ManualClock
) -> None:
    """Relying software stops when a list runs out; the root's needs a person with the key."""
    assert _found(installed, "CRL issuing-1").severity is Severity.OK
    clock.advance(timedelta(days=11))
    assert _found(installed, "CRL issuing-1").severity is Severity.BROKEN
    assert _found(installed, "CRL root").severity is Severity.OK
    clock.advance(timedelta(days=145))
    finding = _found(installed, "CRL root")
    assert finding.severity is Severity.WARNING
    assert "publish --root" in finding.remedy


def test_events_without_a_place_for_long_are_broken(installed: Composition, clock: ManualClock) -> None:
    """No sequencer runs: the evidence is not yet in the log."""
    with installed.database.transaction() as session:
        installed.journal.record(session, Event(type=EventType.SERVICE_STARTED), now=clock.now())
    clock.advance(timedelta(minutes=5))
    assert _found(installed, "audit log").severity is Severity.BROKEN


def test_work_that_nobody_does_is_broken(installed: Composition, clock: ManualClock) -> None:
    """The background worker is not running."""
    with installed.database.transaction() as session:
        enqueue(session, "idp.mail", {}, now=clock.now())
    clock.advance(timedelta(hours=1))
    finding = _found(installed, "queue")
    assert finding.severity is Severity.BROKEN
    assert "sau worker" in finding.remedy


def test_a_mail_server_that_does_not_answer_is_broken(installed: Composition) -> None:
    """Nobody can sign up without mail."""
    settings = installed.settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{free_port()}"})
    fresh = Composition(settings, clock=installed.clock)
    assert _found(fresh, "mail").severity is Severity.BROKEN
    fresh.database.dispose()


def test_a_home_without_a_service_says_so(tmp_path: Path, clock: ManualClock) -> None:
    """Before `sau init` every check answers in words; none is a traceback."""
    bare = Composition(load_settings({"SAU_HOME": str(tmp_path)}), clock=clock)
    tmp_path.chmod(0o700)
    findings = examine(bare)
    assert _found(bare, "schema").severity is Severity.BROKEN
    assert any("sau init" in finding.remedy for finding in findings)
    bare.database.dispose()


@pytest.mark.parametrize(
    ("proxies", "severity"),
    [((), Severity.BROKEN), (("10.0.0.0/16",), Severity.WARNING), (("10.0.0.1/32",), Severity.OK)],
)
def test_who_may_speak_for_client_certificates_is_looked_at(
    installed: Composition, proxies: tuple[str, ...], severity: Severity
) -> None:
    """Every machine in a trusted network may claim any certificate; none trusted means that none is taken."""
    update = {"mtls_origin": "https://mtls.sau.test", "trusted_proxies": tuple(map(ip_network, proxies))}
    fresh = Composition(installed.settings.model_copy(update=update), clock=installed.clock)
    assert _found(fresh, "client certificates").severity is severity
    fresh.database.dispose()


def test_the_mutual_tls_host_must_answer(installed: Composition) -> None:
    """It is announced in discovery: applications will call it."""
    origin = f"https://localhost:{free_port()}"
    fresh = Composition(installed.settings.model_copy(update={"mtls_origin": origin}), clock=installed.clock)
    finding = _found(fresh, "mutual-TLS host")
    assert finding.severity is Severity.WARNING
    assert "does not answer" in finding.said
    fresh.database.dispose()


def test_something_else_on_the_mutual_tls_host_is_noticed(installed: Composition, tmp_path: Path) -> None:
    """A server that answers there need not be ours, and applications must be able to trust its certificate."""
    certificate, key = write_localhost_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with run_host(ok(), tls=tls) as host:
        update = {"mtls_origin": f"https://localhost:{host.port}"}
        fresh = Composition(installed.settings.model_copy(update=update), clock=installed.clock)
        assert "not trusted here" in _found(fresh, "mutual-TLS host").said
        update |= {"outgoing_ca_file": certificate}
        trusting = Composition(installed.settings.model_copy(update=update), clock=installed.clock)
        assert "something else" in _found(trusting, "mutual-TLS host").said
        assert _found(trusting, "outgoing requests").severity is Severity.OK
    for each in (fresh, trusting):
        each.database.dispose()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_trust_anchors_that_cannot_be_read_are_broken(
    installed: Composition, tmp_path: Path, content: str | None
) -> None:
    """Nothing would be told to any application, and none of their keys be fetched."""
    file = tmp_path / "anchors.pem"
    if content is not None:
        file.write_text(content)
    fresh = Composition(installed.settings.model_copy(update={"outgoing_ca_file": file}), clock=installed.clock)
    finding = _found(fresh, "outgoing requests")
    assert (finding.severity, str(file) in finding.said) == (Severity.BROKEN, True)
    fresh.database.dispose()


def test_a_lost_encryption_key_is_named(installed: Composition) -> None:
    """Requests that are encrypted to it could not be opened."""
    with installed.database.reading() as session:
        kid, kind = session.execute(select(EncryptionKeyRow.kid, EncryptionKeyRow.kind)).first()
    installed.keystore.destroy(kid)
    finding = _found(installed, "encryption keys")
    assert finding.severity is Severity.BROKEN
    assert kind in finding.said


def test_a_certificate_that_is_not_in_the_log_is_broken(installed: Composition) -> None:
    """Somebody issued it past the log: the doctor says where to look, and nothing puts it right in silence."""
    assert _found(installed, "certificate log").severity is Severity.OK
    with installed.database.transaction() as session:
        session.execute(delete(CertificateLogEntry))
    found = _found(installed, "certificate log")
    assert found.severity is Severity.BROKEN
    assert "not in the log" in found.said
    assert "sau ca log backfill --dry-run" in found.remedy


def _with(composition: Composition, **update: object) -> Composition:
    """Return the service with other settings; nothing is validated, as little as a wrong world is."""
    return Composition(composition.settings.model_copy(update=update), clock=composition.clock)


_REAL = {"issuer": "https://sau.gob.example", "demo": False, "trusted_proxies": (ip_network("10.0.0.1/32"),)}


@pytest.mark.parametrize(
    ("check", "update", "severity", "said"),
    [
        ("settings", {"demo": False}, Severity.WARNING, "not https"),
        ("proxy", {**_REAL, "trusted_proxies": ()}, Severity.WARNING, "no proxy is trusted"),
        ("proxy", {**_REAL, "trusted_proxies": (ip_network("0.0.0.0/0"),)}, Severity.WARNING, "0.0.0.0/0"),
        ("rate limits", {"workers": 4}, Severity.WARNING, "counts for itself"),
        ("mail", {**_REAL, "smtp_url": ""}, Severity.BROKEN, "stay in the database"),
        ("short messages", {**_REAL, "sms_url": ""}, Severity.WARNING, "stay in the database"),
        ("weak settings", {"log_level": "debug"}, Severity.WARNING, "SAU_LOG_LEVEL"),
        ("weak settings", _REAL, Severity.WARNING, "arc for examples"),
        ("weak settings", _REAL, Severity.WARNING, "One person alone"),
        ("weak settings", _REAL, Severity.WARNING, "No recovery key"),
        ("weak settings", _REAL, Severity.WARNING, "stands beside it"),
        ("witnesses", _REAL, Severity.WARNING, "Nobody outside"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_weak_settings_are_found(
    installed: Composition, check: str, update: dict[str, object], severity: Severity, said: str
) -> None:
    """Each with its remedy."""
    weak = _with(installed, **update)
    found = [each for each in settings_in_force(weak) if each.check == check]
    found += [each for each in witnesses(weak) if each.check == check]
    assert [(each.severity, bool(each.remedy)) for each in found if said in each.said] == [(severity, True)]


def test_settings_as_they_should_be_are_well(installed: Composition) -> None:
    """Nothing is said of them."""
    good = {"pki_arc": "1.3.6.1.4.1.99999.1", "mass_revocation_people": 2, "backup_keys": ("age1",), "workers": 1}
    good |= {
        "sms_url": "smpps://localhost",
        "keystore_passphrase_file": Path("/elsewhere/passphrase"),
        "smtp_url": "smtp://localhost",
    }
    found = list(settings_in_force(_with(installed, **_REAL, **good)))
    assert [each for each in found if each.severity > Severity.OK] == []


def test_a_configuration_file_that_everybody_reads_is_broken(
    installed: Composition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds passwords of database and mail; the service's group may read it."""
    file = tmp_path / "sau.env"
    file.write_text("SAU_WORKERS=1")
    monkeypatch.setenv("SAU_CONFIG", str(file))
    file.chmod(0o644)
    assert _found(installed, "configuration file").severity is Severity.BROKEN
    file.chmod(0o640)
    assert not [each for each in examine(installed) if each.check == "configuration file"]


def test_a_clock_that_went_back_is_broken(installed: Composition) -> None:
    """What was signed lies in the future: NTP on one machine stopped, or somebody set the clock."""
    early = Composition(installed.settings, clock=ManualClock(installed.clock.now() - timedelta(hours=1)))
    assert _found(early, "clock").severity is Severity.BROKEN
    early.database.dispose()
    assert _found(installed, "clock").severity is Severity.OK


def test_a_database_whose_clock_is_elsewhere_is_found(postgresql: PostgreSqlServer, settings: Settings) -> None:
    """Two machines, two times."""
    name = postgresql.create_database(with_schema=False)
    there = settings.model_copy(update={"database_url": postgresql.url(name)})
    composed = Composition(there, clock=ManualClock(datetime(2020, 1, 1, tzinfo=UTC)))
    schema.upgrade(composed.database)
    finding = next(each for each in GROUND["schema"](composed) if each.check == "database clock")
    assert finding.severity is Severity.WARNING
    composed.database.dispose()
    postgresql.drop_database(name)


def test_a_pending_migration_is_broken(tmp_path: Path, clock: ManualClock) -> None:
    """The release is newer than the schema."""
    tmp_path.chmod(0o700)
    composed = Composition(load_settings({"SAU_HOME": str(tmp_path)}), clock=clock)
    schema.upgrade(composed.database, "0001")
    finding = _found(composed, "schema")
    assert (finding.severity, finding.remedy) == (Severity.BROKEN, "Run 'sau db upgrade'.")
    composed.database.dispose()


def test_signers_that_nobody_renews_are_broken(installed: Composition, clock: ManualClock) -> None:
    """OCSP answers stop with the signer's certificate."""
    assert _found(installed, "OCSP signer issuing-1").severity is Severity.OK
    clock.advance(timedelta(days=60))
    assert _found(installed, "OCSP signer issuing-1").severity is Severity.BROKEN


def test_an_authority_that_ends_is_named_a_year_ahead(installed: Composition, clock: ManualClock) -> None:
    """Its successor needs a ceremony."""
    clock.advance(timedelta(days=365 * 9 + 200))
    assert _found(installed, "CA issuing-1").severity is not Severity.OK


@pytest.mark.parametrize(
    ("days", "severity"), [(60, Severity.OK), (14, Severity.WARNING), (1, Severity.BROKEN), (-1, Severity.BROKEN)]
)
def test_the_hosts_certificate_is_looked_at(days: int, severity: Severity) -> None:
    """Browsers refuse the whole service on the day that it ends."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    found = judge_host("https://sau.gob.example", until=now + timedelta(days=days), now=now)
    assert found.severity is severity
    assert found.check == "TLS sau.gob.example"


def test_a_hosts_certificate_is_read_from_the_host(installed: Composition, tmp_path: Path) -> None:
    """Also where nobody trusts it: that it ends is a finding all the same."""
    certificate, key = write_localhost_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with run_host(ok(), tls=tls) as host:
        ends = host_certificate_ends(f"https://localhost:{host.port}")
    assert ends == x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def test_a_security_module_that_is_gone_is_broken(installed: Composition) -> None:
    """Nothing is signed; the remedy says where to look."""

    class Gone:
        def names(self) -> list[str]:
            raise Unavailable("The token does not answer.", code="token_unavailable")

        def secret(self, name: str) -> bytes:
            raise Unavailable("The token does not answer.", code="token_unavailable")

    fresh = Composition(installed.settings, clock=installed.clock)
    fresh.__dict__["keystore"] = Gone()
    finding = _found(fresh, "keys")
    assert finding.severity is Severity.BROKEN
    assert "module" in finding.remedy
    fresh.database.dispose()


def test_machines_that_count_each_for_itself_are_found(installed: Composition) -> None:
    """Two nodes without Redis: limits are twice as wide."""
    with installed.database.transaction() as session:
        for node in ("web@uno", "web@dos", "worker@tres"):
            event = Event(type=EventType.SERVICE_STARTED, object_id=node)
            installed.journal.record(session, event, now=installed.clock.now())
    finding = _found(installed, "nodes")
    assert (finding.severity, "dos, uno" in finding.said) == (Severity.WARNING, True)
    shared = _with(installed, redis_url="redis://localhost")
    assert next(several_nodes(shared)).severity is Severity.OK


def test_a_backup_that_is_missing_or_old_is_found(installed: Composition, clock: ManualClock) -> None:
    """By the record of the last one."""
    real = _with(installed, **_REAL)
    assert next(last_backup(real)).severity is Severity.WARNING
    with installed.database.transaction() as session:
        installed.journal.record(session, Event(type=EventType.BACKUP_MADE), now=clock.now())
    assert next(last_backup(real)).severity is Severity.OK
    clock.advance(timedelta(days=3))
    assert "3 days old" in next(last_backup(real)).said


def test_the_exit_status_is_the_worst_finding(installed: Composition, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 well, 1 warnings, 2 broken, for whoever asks from a script; each finding of --json has the same four parts."""
    monkeypatch.setenv("SAU_HOME", str(installed.settings.home))
    monkeypatch.setenv("SAU_DEMO", "1")
    monkeypatch.setenv("SAU_WORKERS", "1")
    for status, lost in ((None, ""), (2, "audit-log")):
        if lost:
            installed.keystore.destroy(next(name for name in installed.keystore.names() if "es256" in name.lower()))
        sau._composition.cache_clear()
        done = CliRunner().invoke(sau.main, ["doctor", "--json"])
        findings = json.loads(done.stdout)
        assert {tuple(each) for each in findings} == {("check", "severity", "said", "remedy")}
        worst = max(Severity[each["severity"].upper()] for each in findings)
        assert done.exit_code == worst
        assert status in (None, worst)
    sau._composition.cache_clear()
