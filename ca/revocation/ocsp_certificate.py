"""The OCSP responder's certificate: RFC 6960 §4.2.2.2, every field from here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca.issuance.assembly import to_be_signed
from ca.issuance.authority import AuthorityRecord
from ca.issuance.serial import new_serial
from keys.signer import Algorithm

OCSP_PROFILE, OCSP_PROFILE_VERSION = "ocsp-responder", 1
LIFETIME = timedelta(days=14)
_BACKDATED = timedelta(minutes=10)


@dataclass(frozen=True)
class OcspToBeSigned:
    """The TBSCertificate (DER) and its validity."""

    der: bytes
    not_before: datetime
    not_after: datetime


def build_ocsp_tbs(
    authority: AuthorityRecord,
    public_key: CertificateIssuerPublicKeyTypes,
    *,
    issuer_algorithm: Algorithm,
    number: int,
    now: datetime,
) -> OcspToBeSigned:
    """Return the certificate to be signed by ``authority`` for its responder's key.

    Nobody can ask whether a responder's certificate is revoked without asking the responder: it carries
    ``id-pkix-ocsp-nocheck`` and a short life instead (§4.2.2.2.1), and neither CDP nor OCSP address.

    :param number: tells successive responders apart by name.
    """
    now = now.replace(microsecond=0)
    not_before = now - _BACKDATED
    # RFC 5280 §4.1.2.5: notAfter is inclusive, so a lifetime of N days ends one second earlier.
    not_after = min(now + LIFETIME - timedelta(seconds=1), authority.certificate.not_valid_after_utc)
    subject = x509.Name(
        [
            *(x509.NameAttribute(NameOID.COUNTRY_NAME, value.value) for value in _countries(authority)),
            x509.NameAttribute(NameOID.COMMON_NAME, f"OCSP {authority.name} {number}"),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.certificate.subject)
        .public_key(public_key)
        .serial_number(new_serial())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_digital_signature_only(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier(authority.key_identifier, None, None),
            critical=False,
        )
    )
    return OcspToBeSigned(der=to_be_signed(builder, issuer_algorithm), not_before=not_before, not_after=not_after)


def _countries(authority: AuthorityRecord) -> list[x509.NameAttribute[str]]:
    return authority.certificate.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)  # type: ignore[return-value]


def _digital_signature_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
