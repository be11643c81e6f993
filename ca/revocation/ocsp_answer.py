"""What the responder says: building one signed OCSP answer, RFC 6960 §4.2, nothing of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from ca.revocation.ocsp_request import StatusRequest
from ca.revocation.reason import RevocationReason
from keys.signer import Signer

ANSWER_LIFETIME = timedelta(hours=12)
UNKNOWN_LIFETIME = timedelta(minutes=5)  # the number may be assigned in a moment
CERT_ID_HASHES: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303  # nosec B303


@dataclass(frozen=True)
class CertificateStatus:
    """The state of one serial number.

    :ivar known: whether this authority assigned it. :ivar revoked_at: None unless it is revoked.
    """

    known: bool
    revoked_at: datetime | None = None
    reason: RevocationReason | None = None


@dataclass(frozen=True)
class OcspSigningKey:
    """Who signs answers: a delegated responder of the same issuer (RFC 6960 §4.2.2.2)."""

    serial: str
    certificate: x509.Certificate
    signer: Signer


@dataclass(frozen=True)
class OcspAnswer:
    """A response as it leaves.

    :ivar der: the OCSPResponse. :ivar this_update: None for an error, which nobody may keep.
    :ivar reusable: whether the same octets answer the same question again: signed, of a certificate that we know,
        without a nonce.
    """

    der: bytes
    this_update: datetime | None = None
    next_update: datetime | None = None
    reusable: bool = False

    @property
    def fresh_until(self) -> datetime:
        """Until when it may still be handed out: for the first half of its life (certificate authority 20)."""
        assert self.this_update is not None and self.next_update is not None
        return self.this_update + (self.next_update - self.this_update) / 2


def build_answer(
    question: StatusRequest, status: CertificateStatus, *, key: OcspSigningKey, now: datetime
) -> OcspAnswer:
    """Return the signed answer.

    A serial number that was never assigned is ``unknown``, never good; the ``revoked`` that RFC 6960 §2.2 also allows
    for it would have to lie about a date.
    """
    this_update = now.replace(microsecond=0)
    lifetime = ANSWER_LIFETIME if status.known else UNKNOWN_LIFETIME
    next_update = min(this_update + lifetime, key.certificate.not_valid_after_utc)
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            question.issuer_name_hash,
            question.issuer_key_hash,
            question.serial,
            CERT_ID_HASHES[question.hash_name],
            _certificate_status(status),
            this_update,
            next_update,
            status.revoked_at,
            status.reason.flag if status.reason and status.revoked_at else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, key.certificate)
        .certificates([key.certificate])
    )
    if question.nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(question.nonce), critical=False)
    response = builder.sign(key.signer.private_key, key.signer.algorithm.hash)
    return OcspAnswer(
        der=response.public_bytes(Encoding.DER),
        this_update=this_update,
        next_update=next_update,
        reusable=question.nonce is None and status.known,
    )


def malformed_request() -> OcspAnswer:
    """Return the unsigned answer to what is no request."""
    return _unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)


def unauthorized() -> OcspAnswer:
    """Return the unsigned answer about another authority's certificate (RFC 5019 §2.2.3)."""
    return _unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)


def try_later() -> OcspAnswer:
    """Return the unsigned answer while key or database does not answer."""
    return _unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)


def _unsuccessful(status: ocsp.OCSPResponseStatus) -> OcspAnswer:
    return OcspAnswer(der=ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER))


def _certificate_status(status: CertificateStatus) -> ocsp.OCSPCertStatus:
    if status.revoked_at is not None:
        return ocsp.OCSPCertStatus.REVOKED
    return ocsp.OCSPCertStatus.GOOD if status.known else ocsp.OCSPCertStatus.UNKNOWN
