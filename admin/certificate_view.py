"""A certificate's fields in the form that people read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy.orm import Session

from ca.issuance.authority import AuthorityRecord, authority_chain
from ca.issuance.delivery import certificate_chain_pem
from ca.issuance.model import Certificate
from ca.transparency.promise import require_logged
from kernel.errors import NotFound

_EXTENDED_USES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
}
_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


@dataclass(frozen=True)
class CertificateFields:
    """What stands in a certificate.

    :ivar subject: (attribute, value) pairs in order.
    :ivar fingerprint: SHA-256 of the certificate in colon form; empty before it is signed.
    """

    subject: tuple[tuple[str, str], ...]
    issuer: str
    names: tuple[str, ...]
    key: str
    signature: str
    uses: tuple[str, ...]
    extended_uses: tuple[str, ...]
    policies: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str


def describe_certificate(certificate: x509.Certificate, *, fingerprint: str = "") -> CertificateFields:
    """Return the fields of ``certificate``."""
    algorithm = certificate.signature_hash_algorithm
    return CertificateFields(
        subject=tuple((attribute.rfc4514_attribute_name, str(attribute.value)) for attribute in certificate.subject),
        issuer=certificate.issuer.rfc4514_string(),
        names=_names(certificate),
        key=describe_key(certificate.public_key()),
        signature=f"{_signature_name(certificate)} {algorithm.name.upper()}" if algorithm else "Ed25519",
        uses=_uses(certificate),
        extended_uses=_extended_uses(certificate),
        policies=_policies(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=colons(fingerprint),
    )


def describe_key(key: object) -> str:
    """Return kind and size of a public key: ``EC P-256``, ``RSA 3072``."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {"secp256r1": "EC P-256", "secp384r1": "EC P-384", "secp521r1": "EC P-521"}.get(
            key.curve.name, f"EC {key.curve.name}"
        )
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else type(key).__name__


def colons(text: str) -> str:
    """Return hexadecimal ``text`` in upper case, in pairs with colons: as browsers and OpenSSL show fingerprints."""
    text = text.upper()
    return ":".join(text[place : place + 2] for place in range(0, len(text), 2))


def common_name(subject: x509.Name) -> str:
    """Return the common name, or the whole name when there is none."""
    names = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else subject.rfc4514_string()


@dataclass(frozen=True)
class Delivery:
    """A file to hand out."""

    file_name: str
    mimetype: str
    content: bytes


def deliver(session: Session, certificate: Certificate, form: str, *, now: datetime) -> Delivery:
    """Return the certificate as a file: ``pem``, ``der``, with what a server sends ``chain.pem``,
    or with all its issuers ``chain.p7b``.

    :raises NotFound: for another form, or a certificate that is not signed yet.
    """
    if certificate.certificate_der is None:
        raise NotFound("The certificate is not signed yet.", code="certificate_not_signed")
    require_logged(session, certificate.serial)
    chain = [certificate.certificate_der]
    chain += [authority.certificate_der for authority in _issuers(session, certificate)]
    loaded = [x509.load_der_x509_certificate(der) for der in chain]
    name = certificate.serial
    match form:
        case "pem":
            return Delivery(f"{name}.pem", "application/x-pem-file", loaded[0].public_bytes(Encoding.PEM))
        case "der":
            # RFC 2585 §4.1
            return Delivery(f"{name}.cer", "application/pkix-cert", chain[0])
        case "chain.pem":
            return Delivery(
                f"{name}-chain.pem",
                "application/x-pem-file",
                certificate_chain_pem(session, certificate.serial, now=now).encode(),
            )
        case "chain.p7b":
            # RFC 5652 degenerate SignedData: DER of the whole chain in one file
            return Delivery(
                f"{name}-chain.p7b",
                "application/pkcs7-mime",
                pkcs7.serialize_certificates(loaded, Encoding.DER),
            )
    raise NotFound("There is no such form of a certificate.")


def _issuers(session: Session, certificate: Certificate) -> list[AuthorityRecord]:
    chain = authority_chain(session, certificate.authority_id)
    return [authority for authority in chain if authority.certificate_der != certificate.certificate_der]


def _signature_name(certificate: x509.Certificate) -> str:
    return "ECDSA" if "ecdsa" in (certificate.signature_algorithm_oid._name or "") else "RSA"


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in names)


def _uses(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name for name in _USES if getattr(usage, name))


def _extended_uses(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(_EXTENDED_USES.get(use, use.dotted_string) for use in uses)


def _policies(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(policy.policy_identifier.dotted_string for policy in policies)
