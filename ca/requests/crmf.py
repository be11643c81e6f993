"""Reading a request in CRMF (RFC 4211), as CMP carries it: its parts as they came, and its proof of possession."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from asn1crypto import core, parser
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from pyasn1.codec.der import decoder
from pyasn1.error import PyAsn1Error

from kernel.errors import Rejected

MAX_RSA_BITS = 8192
_SUBJECT, _PUBLIC_KEY, _EXTENSIONS = 5, 6, 9
_CONTEXT, _UNIVERSAL, _SEQUENCE, _CONSTRUCTED = 2, 0, 16, 1
_EXTENSION_REQUEST = core.ObjectIdentifier("1.2.840.113549.1.9.14").dump()
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1.2.840.10045.4.3.2": hashes.SHA256(),
    "1.2.840.10045.4.3.3": hashes.SHA384(),
    "1.2.840.10045.4.3.4": hashes.SHA512(),
    "1.2.840.113549.1.1.11": hashes.SHA256(),
    "1.2.840.113549.1.1.12": hashes.SHA384(),
    "1.2.840.113549.1.1.13": hashes.SHA512(),
}
_ED25519 = "1.3.101.112"


@dataclass(frozen=True)
class CrmfRequest:
    """The parts of one CertReqMsg.

    :ivar shaped_der: subject, key and extensions in the shape of PKCS #10, its signature left empty: to be read only.
    :ivar signed_der: CertRequest, over which possession is proved (§4.1).
    """

    shaped_der: bytes
    signed_der: bytes
    algorithm: str
    signature: bytes


def sequence(*parts: bytes) -> bytes:
    """Return a DER SEQUENCE of encoded parts."""
    encoded: bytes = parser.emit(_UNIVERSAL, _CONSTRUCTED, _SEQUENCE, b"".join(parts))
    return encoded


def tagged(number: int, content: bytes) -> bytes:
    """Return ``[number] EXPLICIT`` around encoded content."""
    encoded: bytes = parser.emit(_CONTEXT, _CONSTRUCTED, number, content)
    return encoded


def children(der: bytes) -> list[bytes]:
    """Return what stands in a constructed value, each as its octets came. :raises ValueError: if it is not whole."""
    content, parts = parser.parse(der, strict=True)[4], []
    while content:
        length = parser.peek(content)
        parts.append(content[:length])
        content = content[length:]
    return parts


def content_of(der: bytes) -> bytes:
    """Return the contents octets of a value. :raises ValueError: if it is not whole."""
    content: bytes = parser.parse(der, strict=True)[4]
    return content


def context_parts(values: list[bytes]) -> dict[int, bytes]:
    """Return the contents of those that have a context tag, by its number."""
    found = {}
    for value in values:
        kind, _method, number, _header, content, _trailer = parser.parse(value, strict=True)
        if kind == _CONTEXT:
            found[number] = content
    return found


def is_crmf(der: bytes) -> bool:
    """Tell a CertReqMsg from a CertificationRequest: its request begins with a number, and a template follows."""
    try:
        first, *rest = children(der)
        proof = rest[0][0] if rest else 0
        return len(children(first)) in (2, 3) and (not rest or proof in (0x80, 0xA1, 0xA2, 0xA3))
    except (ValueError, IndexError):
        return False


def read(der: bytes) -> CrmfRequest:
    """Return the parts of a CertReqMsg (DER).

    :raises Rejected: ``csr_malformed``, ``csr_bad_signature`` (no proof by a signature over the request).
    """
    try:
        decoder.decode(der, asn1Spec=_request_message())
        request, *rest = children(der)
        template = context_parts(children(children(request)[1]))
        subject, key = template[_SUBJECT], sequence(template[_PUBLIC_KEY])
        proof = context_parts(rest[:1])
        extensions = template.get(_EXTENSIONS)
    except (PyAsn1Error, ValueError, KeyError, IndexError, RecursionError) as error:
        raise Rejected("This is not a request with subject and key (CRMF).", code="csr_malformed") from error
    try:
        algorithm, signature = children(sequence(proof[1]))  # poposkInput would make three
        oid = core.ObjectIdentifier.load(children(algorithm)[0]).dotted
        octets: bytes = core.OctetBitString.load(signature).native
    except (ValueError, KeyError, IndexError) as error:
        raise Rejected("Prove the key by a signature over the request.", code="csr_bad_signature") from error
    wanted = b""
    if extensions is not None:
        wanted = sequence(_EXTENSION_REQUEST, parser.emit(_UNIVERSAL, _CONSTRUCTED, 17, sequence(extensions)))
    shaped = sequence(
        sequence(core.Integer(0).dump(), subject, key, tagged(0, wanted)),
        sequence(core.ObjectIdentifier("1.2.840.10045.4.3.2").dump()),
        b"\x03\x01\x00",
    )
    return CrmfRequest(shaped, request, oid, octets)


def require_possession(request: CrmfRequest, public_key: CertificatePublicKeyTypes) -> None:
    """Check that whoever asks has the key (RFC 4211 §4.1). :raises Rejected: as for PKCS #10."""
    if isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size > MAX_RSA_BITS:
        raise Rejected(f"An RSA key has at most {MAX_RSA_BITS} bits.", code="csr_unsupported_key")
    try:
        verify_signature(public_key, request.algorithm, request.signature, request.signed_der)
    except InvalidSignature as error:
        raise Rejected(
            "The request's signature is not good: it was changed, or made with another key.", code="csr_bad_signature"
        ) from error


def verify_signature(public_key: CertificatePublicKeyTypes, algorithm: str, signature: bytes, data: bytes) -> None:
    """Check a signature by a dotted algorithm of ours. :raises InvalidSignature: also for a kind that is not taken."""
    digest = _HASHES.get(algorithm)
    is_ecdsa = algorithm.startswith("1.2.840.10045.")
    if isinstance(public_key, ed25519.Ed25519PublicKey) and algorithm == _ED25519:
        public_key.verify(signature, data)
    elif isinstance(public_key, ec.EllipticCurvePublicKey) and digest and is_ecdsa:
        public_key.verify(signature, data, ec.ECDSA(digest))
    elif isinstance(public_key, rsa.RSAPublicKey) and digest and not is_ecdsa:
        public_key.verify(signature, data, padding.PKCS1v15(), digest)
    else:
        raise InvalidSignature


def _request_message() -> Any:
    """Return what a CertReqMsg is made of, loaded on first use, see :mod:`ca.cmp.message`."""
    return import_module("pyasn1_alt_modules.rfc4211").CertReqMsg()
