"""Checking a ceremony again: its papers against the digests, these against the evidence, its certificates' chains."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.archive.papers import ArchivedCeremony, find_ceremony, read_papers
from ca.issuance.authority import list_authorities
from ca.issuance.model import Certificate
from kernel.identifiers import sha256_hex


class Outcome(StrEnum):
    """How a check ended."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True)
class Check:
    """One check. :ivar what: ``minutes``, ``file``, ``event``, ``certificate``. :ivar about: of which certificate."""

    what: str
    outcome: Outcome
    about: str = ""
    reason: str = ""


@dataclass(frozen=True)
class CheckedCeremony:
    """All checks. :ivar event_id: the event that records it; None: there is none."""

    ceremony: ArchivedCeremony
    checks: tuple[Check, ...]
    event_id: str | None

    @property
    def holds(self) -> bool:
        """Whether nothing failed."""
        return all(each.outcome is not Outcome.FAILS for each in self.checks)


def check_ceremony(session: Session, ceremony_id: str) -> CheckedCeremony:
    """Read what is stored about a ceremony and check it; nothing changes.

    :raises NotFound: ``unknown_ceremony``.
    """
    found = find_ceremony(session, ceremony_id)
    checks: list[Check] = []
    if found.has_papers:
        file, minutes = read_papers(session, found.id)
        checks.append(_digest("minutes", minutes, found.minutes_sha256))
        checks.append(_digest("file", file, found.file_sha256))
    else:
        checks += [Check(what, Outcome.NOT_CHECKED, reason="on_paper") for what in ("minutes", "file")]
    event = session.execute(
        select(AuditEvent.id, AuditEvent.leaf).where(
            AuditEvent.occurred_at == found.held_at,
            AuditEvent.type.in_([EventType.CEREMONY_HELD.value, EventType.CEREMONY_REHEARSED.value]),
            AuditEvent.object_id == found.id,
        )
    ).one_or_none()
    said = (json.loads(event.leaf).get("details") or {}) if event else {}
    agrees = (said.get("minutes_sha256"), said.get("file_sha256")) == (found.minutes_sha256, found.file_sha256)
    checks.append(Check("event", Outcome.HOLDS if event and agrees else Outcome.FAILS, reason="" if event else "none"))
    if not found.rehearsal:
        checks += [_certificate(session, str(sha256)) for sha256 in said.get("certificates_sha256", ())]
    return CheckedCeremony(found, tuple(checks), event.id if event else None)


def matches_minutes(found: ArchivedCeremony, content: bytes) -> bool:
    """Whether these octets are the minutes of the ceremony."""
    return hmac.compare_digest(sha256_hex(content), found.minutes_sha256)


def _digest(what: str, content: bytes, expected: str) -> Check:
    return Check(what, Outcome.HOLDS if hmac.compare_digest(sha256_hex(content), expected) else Outcome.FAILS)


def _certificate(session: Session, sha256: str) -> Check:
    """The certificate is the one of an authority here, or in the register, and its issuer's key signed it."""
    authorities = list_authorities(session)
    der = next((each.certificate_der for each in authorities if sha256_hex(each.certificate_der) == sha256), None)
    if der is None:
        der = session.scalar(select(Certificate.certificate_der).where(Certificate.certificate_sha256 == sha256))
    if der is None or sha256_hex(der) != sha256:
        return Check("certificate", Outcome.FAILS, about=sha256, reason="missing")
    certificate = x509.load_der_x509_certificate(der)
    name = certificate.subject.rfc4514_string()
    above = [each.certificate for each in authorities if each.certificate.subject == certificate.issuer]
    if any(_signed(certificate, issuer) for issuer in above):
        return Check("certificate", Outcome.HOLDS, about=name)
    return Check("certificate", Outcome.FAILS, about=name, reason="not_signed")


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
