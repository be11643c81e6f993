"""An OCSP answer in DER, written by hand: RFC 6960 §4.2.1. What is the same in all answers of one key is encoded once.

So a signature and the moment that it is about are all that has to be kept of an answer that was signed ahead.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from asn1crypto.csr import CertificationRequest
from asn1crypto.x509 import Certificate as ParsedCertificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca.issuance.assembly import throw_away_key
from ca.revocation.crl_entries import reason_code, tagged
from kernel.errors import Fault
from keys.signer import Algorithm, Signer

_SEQUENCE, _OCTET_STRING, _BIT_STRING, _GENERALIZED_TIME = 0x30, 0x04, 0x03, 0x18
_BASIC = bytes.fromhex("06092b0601050507300101")  # id-pkix-ocsp-basic
_NONCE = bytes.fromhex("06092b0601050507300102")  # id-pkix-ocsp-nonce
_SUCCESSFUL = bytes.fromhex("0a0100")
GOOD, UNKNOWN = b"\x80\x00", b"\x82\x00"


class AnswerFrame:
    """What all answers of one signing key have in common.

    :param certificate: the responder's own. :param signer: its key.
    :raises Fault: (``bad_own_signature``) if the key is not the certificate's.
    """

    def __init__(self, certificate: x509.Certificate, signer: Signer) -> None:
        if signer.public_key != certificate.public_key():
            raise Fault("The key is not the responder's.", code="bad_own_signature")
        der = certificate.public_bytes(Encoding.DER)
        # §4.2.1 byKey: the SHA-1 of the responder's public key bits.
        self._responder = tagged(0xA2, tagged(_OCTET_STRING, ParsedCertificate.load(der).public_key.sha1))
        self._algorithm = _algorithm_identifier(signer.algorithm)
        self._certificates = tagged(0xA0, tagged(_SEQUENCE, der))

    def to_be_signed(
        self, cert_id: bytes, status: bytes, this_update: datetime, next_update: datetime, nonce: bytes | None = None
    ) -> bytes:
        """Return the ResponseData about one certificate.

        :param cert_id: in DER, see :mod:`ca.revocation.cert_id`.
        :param status: from :func:`encode_revoked`, or a constant.
        """
        moment = _time(this_update)
        single = cert_id + status + moment + tagged(0xA0, _time(next_update))
        content = self._responder + moment + tagged(_SEQUENCE, tagged(_SEQUENCE, single))
        if nonce is not None:
            extension = tagged(_SEQUENCE, _NONCE + tagged(_OCTET_STRING, tagged(_OCTET_STRING, nonce)))
            content += tagged(0xA1, tagged(_SEQUENCE, extension))
        return tagged(_SEQUENCE, content)

    def response(self, to_be_signed: bytes, signature: bytes) -> bytes:
        """Return the whole OCSPResponse."""
        basic = to_be_signed + self._algorithm + tagged(_BIT_STRING, b"\x00" + signature) + self._certificates
        octets = tagged(_SEQUENCE, _BASIC + tagged(_OCTET_STRING, tagged(_SEQUENCE, basic)))
        return tagged(_SEQUENCE, _SUCCESSFUL + tagged(0xA0, octets))


def encode_revoked(revoked_at: datetime, reason: str | None) -> bytes:
    """Return the CertStatus ``revoked`` (RFC 6960 §4.2.1).

    :param reason: a name of RFC 5280 §5.3.1; ``unspecified`` is left out, as in lists.
    """
    code = reason_code(reason) if reason is not None else None
    return tagged(0xA1, _time(revoked_at) + (b"" if code is None else bytes((0xA0, 3, 0x0A, 1, code))))


@lru_cache(maxsize=4096)
def _time(moment: datetime) -> bytes:
    """RFC 6960 §4.2.2.1 by way of RFC 5280 §4.1.2.5.2: GeneralizedTime with seconds, without fractions, in UTC."""
    return tagged(_GENERALIZED_TIME, moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode("ascii"))


@lru_cache(maxsize=8)
def _algorithm_identifier(algorithm: Algorithm) -> bytes:
    """As the library writes it: read off a request that a key signs which certifies nothing."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(throw_away_key(algorithm), algorithm.hash)  # type: ignore[arg-type]
    parsed = CertificationRequest.load(request.public_bytes(Encoding.DER))
    return bytes(parsed["signature_algorithm"].dump())
