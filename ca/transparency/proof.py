"""Proofs that a certificate is in the log, found by what its reader has at hand."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.proofs import EntryProof, prove_entry
from audit.signed_log import key_in_use
from ca.issuance.model import Certificate
from ca.serial import parse_serial
from ca.transparency.entry import Kind
from ca.transparency.log import CertificateLog
from ca.transparency.model import LOG_TABLES, CertificateLogEntry
from kernel.errors import NotFound, Rejected

_DIGEST = re.compile(r"[0-9a-f]{64}")


def prove_certificate(session: Session, *, log: CertificateLog, serial: str) -> EntryProof:
    """Return the proof of a certificate, a person's too, by its serial number in any usual writing.

    :raises Rejected: ``bad_serial``.
    :raises NotFound: ``certificate_not_found``, ``certificate_not_sequenced``, ``no_checkpoint``.
    """
    log_key = key_in_use(session, log)
    return prove_entry(session, parse_serial(serial), tables=LOG_TABLES, what="certificate", log_key=log_key)


def prove_publicly(session: Session, *, log: CertificateLog, name: str) -> EntryProof:
    """Return the proof that anyone may ask for.

    :param name: of a public certificate the serial number or the SHA-256 fingerprint; of any the commitment, which
        only whoever has the certificate knows.
    :raises NotFound: (``certificate_not_found``) also for a person's certificate that is named in another way.
    """
    serial = _named(session, name)
    if serial is None:
        raise NotFound("There is no such entry in the certificate log.", code="certificate_not_found")
    return prove_certificate(session, log=log, serial=serial)


def _named(session: Session, name: str) -> str | None:
    entry, digest = CertificateLogEntry, re.sub(r"[\s:]", "", name).lower()
    if _DIGEST.fullmatch(digest):
        by_commitment = session.scalar(select(entry.id).where(entry.commitment == digest))
        return by_commitment or session.scalar(
            select(entry.id)
            .join(Certificate, Certificate.serial == entry.id)
            .where(Certificate.certificate_sha256 == digest, entry.kind == Kind.CERTIFICATE.value)
        )
    try:
        serial = parse_serial(name)
    except Rejected:
        return None
    return session.scalar(select(entry.id).where(entry.id == serial, entry.kind == Kind.CERTIFICATE.value))
