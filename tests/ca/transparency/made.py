"""Certificates made quickly, for tests of the log that need many."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.issuance.model import Authority, Certificate
from ca.serial import serial_text
from ca.transparency.entry import LoggedCertificate
from ca.transparency.record import log_certificates
from kernel.identifiers import sha256_hex


@lru_cache(maxsize=1)
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def make_logged(
    *names: str,
    now: datetime,
    profile: str = "tls-server",
    ruc: str | None = "1768152560001",
    organization: str = "Ministerio de Pruebas",
    holder_id: str | None = None,
) -> LoggedCertificate:
    """A certificate for DNS ``names`` on its way into the log; its issuer is nobody's."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, names[0]),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")]))
        .public_key(_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(_key(), hashes.SHA256())
    )
    return LoggedCertificate(
        serial=serial_text(certificate.serial_number),
        certificate_der=certificate.public_bytes(Encoding.DER),
        profile=profile,
        profile_version=1,
        institution_ruc=ruc,
        holder_id=holder_id,
    )


def store(session: Session, *certificates: LoggedCertificate, now: datetime, logged: bool = True) -> list[str]:
    """Write rows as issuance would, with their entries unless ``logged`` is false; return the serials."""
    authority_id = session.scalars(select(Authority.id).where(Authority.name == "issuing-1")).one()
    for each in certificates:
        parsed = x509.load_der_x509_certificate(each.certificate_der)
        session.add(
            Certificate(
                serial=each.serial,
                authority_id=authority_id,
                profile=each.profile,
                profile_version=each.profile_version,
                subject=parsed.subject.rfc4514_string(),
                names=[name.value for name in parsed.extensions[0].value],  # type: ignore[attr-defined]
                institution_ruc=each.institution_ruc,
                holder_id=each.holder_id,
                spki_sha256=sha256_hex(each.serial.encode()),
                not_before=parsed.not_valid_before_utc,
                not_after=parsed.not_valid_after_utc,
                issued_at=now,
                tbs_der=parsed.tbs_certificate_bytes,
                certificate_der=each.certificate_der,
                certificate_sha256=sha256_hex(each.certificate_der),
            )
        )
    session.flush()
    if logged:
        log_certificates(session, certificates, now=now)
    return [each.serial for each in certificates]
