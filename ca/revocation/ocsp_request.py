"""What an OCSP client asks: RFC 6960 §4.1, RFC 9654 (nonce), nothing of the database."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import ocsp

from ca.revocation.cert_id import IssuerId
from kernel.errors import Rejected

MAX_REQUEST_SIZE = 2048  # octets; one CertID with a nonce of 128 octets takes less than 400
_NONCE_LENGTH = range(1, 129)  # RFC 9654 §2.1
_HIGHEST_SERIAL = 2**160


class MalformedRequestError(Rejected):
    """The request is answered with ``malformedRequest`` (RFC 6960 §4.2.1)."""

    default_code = "malformed_ocsp_request"


@dataclass(frozen=True)
class StatusRequest:
    """A question about one certificate.

    :ivar issuer: by a hash that may be one that we do not know.
    :ivar nonce: to be repeated in the answer, None if there is none.
    """

    issuer: IssuerId
    serial: int
    nonce: bytes | None


def parse_request(der: bytes) -> StatusRequest:
    """Return the question in ``der``.

    One certificate a request, as RFC 5019 §2.1.1 has it: an answer for many could not be made ahead, and would let one
    small packet cost many signatures.

    :raises MalformedRequestError: if it is no OCSPRequest, asks after none or several certificates, has an extension
        that is critical and unknown, or a nonce outside 1 to 128 octets.
    """
    if len(der) > MAX_REQUEST_SIZE:
        raise MalformedRequestError("The request is too long.")
    try:
        request = ocsp.load_der_ocsp_request(der)
        nonce = _nonce(request.extensions)
        question = StatusRequest(
            issuer=IssuerId(request.hash_algorithm.name, request.issuer_name_hash, request.issuer_key_hash),
            serial=request.serial_number,
            nonce=nonce,
        )
    except NotImplementedError as error:
        raise MalformedRequestError("Ask after one certificate a request.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise MalformedRequestError("This is not an OCSP request.") from error
    if not 0 < question.serial < _HIGHEST_SERIAL:
        raise MalformedRequestError("This is not a serial number.")
    return question


def _nonce(extensions: x509.Extensions) -> bytes | None:
    nonce = None
    for extension in extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            nonce = extension.value.nonce
            if len(nonce) not in _NONCE_LENGTH:
                raise MalformedRequestError("A nonce has 1 to 128 octets.")
        elif extension.critical:
            raise MalformedRequestError("The request has an unknown critical extension.")
    return nonce
