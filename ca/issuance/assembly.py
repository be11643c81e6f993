"""From to-be-signed bytes to a certificate, and back to something that can be read before it is signed."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from asn1crypto.parser import parse, peek
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificateIssuerPublicKeyTypes,
    CertificatePublicKeyTypes,
)
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.x509.oid import SignatureAlgorithmOID

from ca.der import BIT_STRING, SEQUENCE, children, tlv
from kernel.errors import Fault
from keys.signer import Algorithm, Signer, generate_private_key, sign_with

_ISSUER, _SUBJECT = 3, 5  # places in the TBSCertificate
_ECDSA = (
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
)


def to_be_signed(builder: x509.CertificateBuilder, algorithm: Algorithm) -> bytes:
    """Return the final TBSCertificate (DER) of ``builder`` for an issuer that signs with ``algorithm``.

    The builder signs with a key of the same algorithm that lives in this process only and certifies nothing.
    """
    signed = builder.sign(throw_away_key(algorithm), algorithm.hash)  # type: ignore[arg-type]
    return signed.tbs_certificate_bytes


def read_unsigned(tbs_der: bytes) -> x509.Certificate:
    """Return to-be-signed bytes as a readable certificate whose signature is one zero octet."""
    return x509.load_der_x509_certificate(_assemble(tbs_der, b"\x00"))


def with_throw_away_signature(tbs_der: bytes, algorithm: Algorithm) -> bytes:
    """Return ``tbs_der`` signed by the throw-away key (DER): byte for byte what will be signed, in a form to lint."""
    return _assemble(tbs_der, sign_with(throw_away_key(algorithm), algorithm, tbs_der))


def throw_away_public_key(algorithm: Algorithm) -> CertificateIssuerPublicKeyTypes:
    """Return the public half of the key that :func:`with_throw_away_signature` signs with in this process."""
    return throw_away_key(algorithm).public_key()


def sign_to_be_signed(tbs_der: bytes, *, signer: Signer, issuer: x509.Certificate | None) -> bytes:
    """Sign exactly ``tbs_der`` and return the certificate (DER), checked before anyone sees it.

    The outer algorithm is the inner one's bytes, so they cannot differ (RFC 5280 §4.1.1.2).

    :param issuer: certificate of the authority that signs; None for a root that signs itself.
    :raises Fault: (``bad_own_signature``) if the result does not verify under the issuer, is issued under another name,
        or does not carry the bytes that were reviewed.
    """
    certificate_der = _assemble(tbs_der, signer.sign(tbs_der))
    certificate = x509.load_der_x509_certificate(certificate_der)
    try:
        _verify(certificate, tbs_der, issuer or certificate)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise Fault("The signature just made does not verify.", code="bad_own_signature") from error
    if certificate.tbs_certificate_bytes != tbs_der:
        raise Fault("The signed bytes are not those that were reviewed.", code="bad_own_signature")
    return certificate_der


def _verify(certificate: x509.Certificate, tbs_der: bytes, issuer: x509.Certificate) -> None:
    """Verify that ``issuer`` signed the certificate over ``tbs_der``; its key is read once, not for each.

    :raises InvalidSignature: and ValueError, TypeError: if it did not.
    """
    chosen, (key, name) = certificate.signature_hash_algorithm, _key_and_name(issuer)
    known = isinstance(key, ec.EllipticCurvePublicKey) and chosen and certificate.signature_algorithm_oid in _ECDSA
    if not known or children(tbs_der)[_ISSUER] != name:
        certificate.verify_directly_issued_by(issuer)
        return
    cast(ec.EllipticCurvePublicKey, key).verify(certificate.signature, tbs_der, ec.ECDSA(cast(HashAlgorithm, chosen)))


@lru_cache(maxsize=64)
def _key_and_name(issuer: x509.Certificate) -> tuple[CertificatePublicKeyTypes, bytes]:
    return issuer.public_key(), children(issuer.tbs_certificate_bytes)[_SUBJECT]


def _assemble(tbs_der: bytes, signature: bytes) -> bytes:
    # RFC 5280 §4.1: the bytes as they are, the inner algorithm's bytes again, the signature in whole octets.
    return tlv(SEQUENCE, tbs_der + _signature_algorithm(tbs_der) + tlv(BIT_STRING, b"\x00" + signature))


def _signature_algorithm(tbs_der: bytes) -> bytes:
    rest = parse(tbs_der)[4]
    for _ in range(2):  # version, serial
        rest = rest[peek(rest) :]
    return bytes(rest[: peek(rest)])


@lru_cache(maxsize=8)
def throw_away_key(algorithm: Algorithm) -> CertificateIssuerPrivateKeyTypes:
    """Return a key of this process only, for what must be signed to be built and is signed again by its real key."""
    return generate_private_key(algorithm)
