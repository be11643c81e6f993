"""Looks up, one by one, what the service acknowledged."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from sqlalchemy import func, select

import audit.inspection
import ca.transparency.verification
from audit.model import AuditEvent
from audit.proofs import prove_event, verify_event_proof
from audit.status import log_status
from ca.issuance.model import Certificate
from ca.serial import serial_text
from ca.transparency.log import CertificateLog
from ca.transparency.model import LOG_TABLES
from ca.transparency.proof import prove_certificate
from composition import Composition
from tests.faults.load import Acknowledged, Load
from tests.servers.service import LiveService

#: The limit of every wait, which only a hang reaches; how long it took is a figure.
BACK_SECONDS = 60.0


@dataclass(frozen=True)
class Found:
    """How much was looked up."""

    events: int
    tokens: int
    certificates: int


def wait_until(true: Callable[[], bool], what: str, *, seconds: float = BACK_SECONDS) -> float:
    """Wait for something, and return how many seconds that took. :raises AssertionError: if it takes too long."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"{what}: not in {seconds:.0f} s"
        time.sleep(0.05)
    return time.monotonic() - began


def require_tokens_active(load: Load) -> int:
    """Ask about every access token that was acknowledged since the last time; return how many.

    :raises AssertionError: naming none, if one is not active that should be.
    """
    asked = lost = 0
    tokens = load.acknowledged.access_tokens
    for _ in range(len(tokens)):
        token, until = tokens.popleft()
        if time.monotonic() < until:
            asked += 1
            lost += not load.is_active(token)
    assert not lost, f"{lost} of {asked} access tokens that were acknowledged are not active"
    return asked


def require_nothing_lost(service: LiveService, load: Load) -> Found:
    """Look up every event with its proof, every token, every certificate in the register and in the log.

    :raises AssertionError: if something is missing.
    """
    tokens = require_tokens_active(load)
    kept = load.acknowledged
    dead = [token for token in kept.refresh_tokens if not load.is_active(token)]
    assert not dead, f"{len(dead)} of {len(kept.refresh_tokens)} refresh tokens that were acknowledged are not active"
    with service.composition() as composition:
        wait_until(lambda: _waiting(composition) == 0, "everything has its place in the logs")
        _require_counted(composition, kept)
        _require_proved(composition, kept)
        log = CertificateLog(composition.settings, composition.clock, composition.database, composition.keystore)
        assert not audit.inspection.verify_stored_log(composition.audit).findings
        assert not ca.transparency.verification.verify_stored_log(log).findings
        _require_certificates(composition, log, kept)
    return Found(len(kept.events) + kept.counted.total(), tokens + len(kept.refresh_tokens), len(kept.certificates))


def _waiting(composition: Composition) -> int:
    now = composition.clock.now()
    with composition.database.reading() as session:
        return log_status(session, now=now).waiting + log_status(session, now=now, tables=LOG_TABLES).waiting


def _require_counted(composition: Composition, kept: Acknowledged) -> None:
    found = Counter[tuple[str, str]]()
    with composition.database.reading() as session:
        rows = session.execute(
            select(AuditEvent.subject, AuditEvent.type, func.count()).group_by(AuditEvent.subject, AuditEvent.type)
        )
        for subject, event_type, number in rows:
            found[subject or "", event_type] = number
    lost = {key: (number, found[key]) for key, number in kept.counted.items() if found[key] < number}
    assert lost == {}


def _require_proved(composition: Composition, kept: Acknowledged) -> None:
    services = composition.audit
    log_key = services.log_key(services.origin)
    with composition.database.reading() as session:
        for event_id in kept.events:
            proof = prove_event(session, event_id, log_key=log_key)
            verify_event_proof(proof.as_document(), expected_key=log_key)


def _require_certificates(composition: Composition, log: CertificateLog, kept: Acknowledged) -> None:
    log_key = log.log_key(log.origin)
    with composition.database.reading() as session:
        for der in kept.certificates:
            serial = serial_text(x509.load_der_x509_certificate(der).serial_number)
            assert session.get_one(Certificate, serial).certificate_der == der
            proof = prove_certificate(session, log=log, serial=serial)
            verify_event_proof(proof.as_document(), expected_key=log_key)
