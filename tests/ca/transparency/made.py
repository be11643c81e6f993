"""Certificates made quickly, for tests of the log that need many."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ca.serial import serial_text
from ca.transparency.entry import LoggedCertificate


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
