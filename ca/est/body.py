"""Bodies of EST: DER in base64, whatever the headers say (RFC 8951 §3)."""

from __future__ import annotations

import base64
import binascii

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates

from ca.requests.csr import LIMIT
from kernel.errors import Rejected


def decode_body(body: bytes) -> bytes:
    """Return the DER in ``body``: base64 (RFC 4648 §4), with line breaks or without.

    :raises Rejected: ``csr_too_large``, ``csr_empty``, ``bad_base64``.
    """
    if len(body) > 2 * LIMIT:
        raise Rejected("The request is larger than 64 KiB.", code="csr_too_large")
    text = b"".join(body.split())
    if not text:
        raise Rejected("There is nothing in the request.", code="csr_empty")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected("The body is not base64 of a DER request (RFC 8951).", code="bad_base64") from error


def encode_body(der: bytes) -> bytes:
    """Return ``der`` as base64 in lines of 76 characters: what readers of RFC 2045 and of RFC 4648 both take."""
    return base64.encodebytes(der)


def certs_only(certificates_der: list[bytes]) -> bytes:
    """Return a CMS message that only carries these certificates (RFC 7030 §4.1.3, RFC 5272 §4.1)."""
    return serialize_certificates([x509.load_der_x509_certificate(der) for der in certificates_der], Encoding.DER)
