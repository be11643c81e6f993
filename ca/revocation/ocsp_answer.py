"""What the responder says: building one signed OCSP answer, RFC 6960 §4.2, nothing of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from ca.revocation.answer_octets import GOOD, UNKNOWN, AnswerFrame, encode_revoked
from ca.revocation.ocsp_request import StatusRequest
from ca.revocation.reason import RevocationReason
from kernel.loop_call import require_thread
from keys.signer import PrivateKeySigner, Signer

ANSWER_LIFETIME = timedelta(hours=12)
UNKNOWN_LIFETIME = timedelta(minutes=5)  # the number may be assigned in a moment


@dataclass(frozen=True)
class CertificateStatus:
    """The state of one serial number.

    :ivar known: whether this authority assigned it. :ivar revoked_at: None unless it is revoked.
    """

    known: bool
    revoked_at: datetime | None = None
    reason: RevocationReason | None = None


class OcspSigningKey:
    """Who signs answers: a delegated responder of the same issuer (RFC 6960 §4.2.2.2).

    :raises kernel.errors.Fault: (``bad_own_signature``) if the key is not the certificate's.
    """

    def __init__(self, serial: str, certificate: x509.Certificate, signer: Signer) -> None:
        self.serial = serial
        self.signer = signer
        self.not_before = certificate.not_valid_before_utc
        self.not_after = certificate.not_valid_after_utc
        self.frame = AnswerFrame(certificate, signer)

    def prepare_to_sign(self) -> None:
        """Ask for a thread, on a loop, where signing means to wait for a token."""
        if not isinstance(self.signer, PrivateKeySigner):
            require_thread()

    def is_valid(self, now: datetime) -> bool:
        """Tell whether ``now`` lies within the certificate's validity."""
        return self.not_before <= now < self.not_after


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
        return fresh_until(self.this_update, self.next_update)


def build_answer(
    question: StatusRequest, status: CertificateStatus, *, key: OcspSigningKey, now: datetime
) -> OcspAnswer:
    """Return the signed answer.

    A serial number that was never assigned is ``unknown``, never good; the ``revoked`` that RFC 6960 §2.2 also allows
    for it would have to lie about a date.
    """
    this_update = now.replace(microsecond=0)
    next_update = answer_until(this_update, key=key, known=status.known)
    to_be_signed = key.frame.to_be_signed(
        question.issuer.cert_id(question.serial),
        _certificate_status(status),
        this_update,
        next_update,
        nonce=question.nonce,
    )
    return OcspAnswer(
        der=key.frame.response(to_be_signed, key.signer.sign(to_be_signed)),
        this_update=this_update,
        next_update=next_update,
        reusable=question.nonce is None and status.known,
    )


def answer_signed_ahead(
    question: StatusRequest, *, this_update: datetime, signature: bytes, key: OcspSigningKey
) -> OcspAnswer:
    """Return the answer ``good`` that ``key`` signed at ``this_update``, from the signature alone.

    :param question: without a nonce, about what was signed.
    """
    next_update = answer_until(this_update, key=key, known=True)
    to_be_signed = key.frame.to_be_signed(question.issuer.cert_id(question.serial), GOOD, this_update, next_update)
    return OcspAnswer(key.frame.response(to_be_signed, signature), this_update, next_update, reusable=True)


def fresh_until(this_update: datetime, next_update: datetime) -> datetime:
    """Return the middle of an answer's life."""
    return this_update + (next_update - this_update) / 2


def answer_until(this_update: datetime, *, key: OcspSigningKey, known: bool) -> datetime:
    """Return nextUpdate of an answer of ``key``, which it does not outlive."""
    return min(this_update + (ANSWER_LIFETIME if known else UNKNOWN_LIFETIME), key.not_after)


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


def _certificate_status(status: CertificateStatus) -> bytes:
    if status.revoked_at is not None:
        return encode_revoked(status.revoked_at, status.reason)
    return GOOD if status.known else UNKNOWN
