"""Every certificate is in the public log before it is handed over (Certificate authority, line 26)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event

import pytest
from sqlalchemy import delete, func, select, update

from audit.checkpoint import verify_checkpoint
from audit.sequencer import LogDamagedError, Sequencer, take_lease
from audit.tree_store import require_checkpoint
from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.delivery import certificate_chain_pem
from ca.issuance.model import Certificate
from ca.serial import serial_text
from ca.services import CaServices
from ca.transparency import promise
from ca.transparency.entry import LoggedCertificate
from ca.transparency.model import LOG_TABLES, CertificateLogEntry, CertificateLogTile
from ca.transparency.record import log_certificates
from ca.transparency.verification import verify_stored_log
from kernel.errors import Fault, Unavailable
from tests.ca.issued import PROFILES, issue
from tests.ca.transparency.made import make_logged, store


def entry_of(services: CaServices, serial: str) -> CertificateLogEntry | None:
    with services.database.reading() as session:
        return session.get(CertificateLogEntry, serial)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_certificate_has_its_signed_place_when_it_is_handed_over(
    services: CaServices, hierarchy: Hierarchy, profile: str, now: datetime
) -> None:
    """Line 26: no worker ran, and the tree whose head is signed holds it already."""
    serial = serial_text(issue(services, profile, now).serial_number)
    entry = entry_of(services, serial)
    assert entry is not None
    with services.database.reading() as session:
        checkpoint = require_checkpoint(session, LOG_TABLES)
        signed = verify_checkpoint(
            checkpoint.note, expected_key=services.certificate_log.log_key(services.certificate_log.origin)
        )
        assert certificate_chain_pem(session, serial, now=now).startswith("-----BEGIN CERTIFICATE-----")
    assert entry.log_index is not None
    assert entry.log_index < signed.size


def test_the_authorities_themselves_are_in_the_log(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """A certificate that the ceremony made is an entry like any other, whole."""
    promise.sequence_waiting(services.certificate_log, now=now)
    for certificate in (hierarchy.root, hierarchy.issuing):
        entry = entry_of(services, serial_text(certificate.serial_number))
        assert entry is not None
        assert (entry.kind, entry.log_index is not None) == ("certificate", True)


def test_a_certificate_without_a_place_is_not_handed_over(
    services: CaServices, hierarchy: Hierarchy, now: datetime
) -> None:
    """Delivery asks the log, whatever way the certificate came into its table."""
    serial = serial_text(issue(services, "tls-server", now).serial_number)
    with services.database.transaction() as session:
        session.execute(delete(CertificateLogEntry).where(CertificateLogEntry.id == serial))
    with services.database.reading() as session, pytest.raises(Unavailable) as refused:
        certificate_chain_pem(session, serial, now=now)
    assert refused.value.code == "not_logged_yet"
    with pytest.raises(Unavailable) as refused:
        promise.ensure_logged(services.certificate_log, [serial], now=now)
    assert refused.value.code == "not_logged"


def test_what_a_crash_left_waiting_is_placed_by_the_worker(
    services: CaServices, hierarchy: Hierarchy, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between storing the signature and giving the entry its place."""

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ca.issuance.issue.ensure_logged", crash)
        with pytest.raises(KeyboardInterrupt):
            issue(services, "tls-server", now)
    with services.database.reading() as session:
        waiting = session.scalar(select(func.count()).where(CertificateLogEntry.log_index.is_(None)))
    assert waiting
    assert Sequencer(services.certificate_log).run() == waiting


def test_whoever_holds_the_lease_is_not_waited_for_and_goes_on(
    services: CaServices, hierarchy: Hierarchy, now: datetime
) -> None:
    """Issuance is not as slow as the worker's round, and takes nothing from it."""
    worker = Sequencer(services.certificate_log)
    worker.run()
    first = entry_of(services, serial_text(issue(services, "tls-server", now).serial_number))
    assert worker.run() == 0
    second = entry_of(services, serial_text(issue(services, "tls-client", now).serial_number))
    assert first is not None and second is not None
    assert second.log_index == first.log_index + 1
    with services.database.transaction() as session:
        assert take_lease(session, holder="another", now=now, tables=LOG_TABLES) is None


def _lose_the_key(services: CaServices) -> None:
    for file in services.settings.keystore_folder.glob("certificate-log*"):
        file.unlink()
    services.certificate_log.__dict__.pop("log_signer", None)


def _damage_the_tree(services: CaServices) -> None:
    with services.database.transaction() as session:
        session.execute(update(CertificateLogTile).values(hashes=b"\0" * 32 * 256))


@pytest.mark.parametrize(
    ("harm", "error"),
    [(_lose_the_key, Fault), (_damage_the_tree, LogDamagedError)],
    ids=["key lost", "tree damaged"],
)
def test_without_the_log_nothing_is_handed_over(
    services: CaServices, hierarchy: Hierarchy, now: datetime, harm: Callable[[CaServices], None], error: type[Fault]
) -> None:
    """Fail closed: the certificate is known and revocable, and waits."""
    promise.sequence_waiting(services.certificate_log, now=now)
    harm(services)
    with pytest.raises(error):
        issue(services, "tls-server", now)
    with services.database.reading() as session:
        serial = session.scalar(select(Certificate.serial).where(Certificate.profile == "tls-server"))
        assert serial is not None
        with pytest.raises(Unavailable):
            certificate_chain_pem(session, serial, now=now)


def test_many_certificates_of_one_transaction_are_one_checkpoint(
    services: CaServices, hierarchy: Hierarchy, now: datetime
) -> None:
    """Bulk issuance pays once."""
    made = [make_logged(f"n{number}.pruebas.gob.ec", now=now) for number in range(300)]
    promise.sequence_waiting(services.certificate_log, now=now)
    before = _checkpoints(services)
    with services.database.transaction() as session:
        log_certificates(session, made, now=now)
    promise.ensure_logged(services.certificate_log, [each.serial for each in made], now=now)
    assert _checkpoints(services) == before + 1
    assert all(getattr(entry_of(services, each.serial), "log_index", None) for each in made)


def _checkpoints(services: CaServices) -> int:
    with services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(LOG_TABLES.checkpoint)) or 0


def test_issuers_and_worker_at_once_make_one_tree(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """Eight issue, two workers sequence: every certificate has one place, every head fits the others."""
    made = [[make_logged(f"h{who}-{number}.gob.ec", now=now) for number in range(5)] for who in range(8)]
    promise.sequence_waiting(services.certificate_log, now=now)
    ended = Event()

    def issue_some(mine: list[LoggedCertificate]) -> None:
        for each in mine:
            with services.database.transaction() as session:
                store(session, each, now=now)
            promise.ensure_logged(services.certificate_log, [each.serial], now=now)

    def work() -> None:
        sequencer = Sequencer(services.certificate_log)
        while not ended.is_set():
            sequencer.run()
            ended.wait(0.005)

    with ThreadPoolExecutor(10) as pool:
        workers = [pool.submit(work) for _ in range(2)]
        try:
            for issuer in [pool.submit(issue_some, mine) for mine in made]:
                issuer.result(60)
        finally:
            ended.set()
        for worker in workers:
            worker.result(60)
    report = verify_stored_log(services.certificate_log)
    assert (report.size, report.waiting, report.findings) == (42, 0, ())
