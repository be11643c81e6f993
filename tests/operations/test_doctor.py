"""`sau doctor`: what is wrong is found, by name, with how bad it is and the remedy."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from audit.event import Event
from audit.sequencer import Sequencer
from audit.vocabulary import EventType
from ca.transparency.model import CertificateLogEntry
from composition import Composition
from idp.tokens.model import EncryptionKeyRow
from kernel.clock import ManualClock
from kernel.outbox import enqueue
from kernel.settings import load_settings
from operations.doctor import examine
from operations.finding import Finding, Severity
from operations.installation import install
from tests.outgoing.host import ok, run_host
from tests.servers.process import free_port
from tests.servers.tls import write_localhost_certificate


@pytest.fixture
def installed(tmp_path: Path, clock: ManualClock) -> Iterator[Composition]:
    """A demonstration, just installed and sequenced."""
    composed = Composition(load_settings({"SAU_HOME": str(tmp_path / "home"), "SAU_DEMO": "1"}), clock=clock)
    install(composed, demo=True)
    Sequencer(composed.audit).run()
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
