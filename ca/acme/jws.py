"""Signed requests (RFC 8555 §6.2 to §6.4): flattened JSON, everything that is signed checked, nothing else believed."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from ca.acme.account_key import ALGORITHMS, AccountKey
from ca.acme.problem import AcmeProblem, Kind, malformed
from kernel.identifiers import b64url_decode

# RFC 9864 renames EdDSA to Ed25519; clients write the name of RFC 8555's time.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)

MOST_OCTETS = 128 * 1024
_MOST_HEADER = 8 * 1024  # a jwk of RSA with 8,192 bits and an address
_PARTS = ("protected", "payload", "signature")
_ES256_OCTETS = 64
_ES256 = ec.ECDSA(hashes.SHA256())
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class SignedMessage:
    """A JWS that was taken apart; what it says counts only after :func:`require_signature`.

    :ivar header: the protected header.
    :ivar payload: the octets that are signed; empty for a POST-as-GET.
    :ivar kid: the account's address, or the name of a MAC key; None if the key itself is there.
    :ivar jwk: the key, as it came.
    """

    header: Mapping[str, Any]
    payload: bytes
    compact: str
    signature: bytes
    algorithm: str
    kid: str | None
    jwk: object | None
    nonce: str | None

    @property
    def is_reading(self) -> bool:
        """Whether it is a POST-as-GET (§6.3)."""
        return self.payload == b""

    def document(self) -> dict[str, Any]:
        """Return the payload, a JSON object. :raises AcmeProblem: ``malformed`` if it is none."""
        return _read_object(self.payload, what="The payload")


def parse_message(
    body: bytes | Mapping[str, Any], *, expected_url: str, algorithms: tuple[str, ...] = ALGORITHMS
) -> SignedMessage:
    """Take a JWS apart.

    :param body: the octets received, or the object that another message holds.
    :param expected_url: what its ``url`` must be, to the character (§6.4).
    :raises AcmeProblem: ``malformed``, ``badSignatureAlgorithm``; ``unauthorized`` if it is for another address.
    """
    document = body if isinstance(body, Mapping) else _read_object(body, what="The body")
    if "signatures" in document or "header" in document:
        raise malformed("One signature, and no header outside of it (RFC 8555 §6.2).")
    parts = [document.get(name) for name in _PARTS]
    if not all(isinstance(part, str) and part.isascii() for part in parts):
        raise malformed("The body is a JWS in flattened JSON: protected, payload, signature.")
    protected, payload, signature = (str(part) for part in parts)
    if len(protected) > _MOST_HEADER:
        raise malformed("The protected header is too long.")
    try:
        header = _read_object(b64url_decode(protected), what="The protected header")
        octets = b64url_decode(payload)
        mark = b64url_decode(signature)
    except ValueError as error:
        raise malformed("The parts of a JWS are base64url without padding.") from error
    if "crit" in header or "b64" in header or "zip" in header:
        raise malformed("No extension of JWS is served here.")
    algorithm = header.get("alg")
    if algorithm not in algorithms:
        raise AcmeProblem(
            Kind.BAD_SIGNATURE_ALGORITHM,
            f"Signatures are accepted by {', '.join(algorithms)}.",
            members={"algorithms": list(algorithms)},
        )
    if header.get("url") != expected_url:
        raise AcmeProblem(Kind.UNAUTHORIZED, "What is signed is for another address.", code="acme_wrong_url")
    kid, jwk, nonce = header.get("kid"), header.get("jwk"), header.get("nonce")
    if (kid is None) == (jwk is None):
        raise malformed("The protected header has either kid or jwk.")
    if not isinstance(kid, str | None) or not isinstance(nonce, str | None):
        raise malformed("In the protected header, kid and nonce are texts.")
    return SignedMessage(
        header=header,
        payload=octets,
        compact=f"{protected}.{payload}.{signature}",
        signature=mark,
        algorithm=str(algorithm),
        kid=kid,
        jwk=jwk,
        nonce=nonce,
    )


def require_signature(message: SignedMessage, key: AccountKey) -> None:
    """Check that ``key`` signed the message. :raises AcmeProblem: ``unauthorized``, ``badSignatureAlgorithm``."""
    if message.algorithm not in key.algorithms:
        raise AcmeProblem(
            Kind.BAD_SIGNATURE_ALGORITHM,
            f"This key signs by {' or '.join(key.algorithms)}.",
            members={"algorithms": list(key.algorithms)},
        )
    checked = _check_directly(message, key.key.raw_value)
    if checked is None:
        checked = is_signed_by(message, key.key)
    if not checked:
        raise AcmeProblem(Kind.UNAUTHORIZED, "The signature is not good.", code="acme_bad_signature")


def _check_directly(message: SignedMessage, key: object) -> bool | None:
    """Check the two algorithms that clients use (RFC 7518 §3.3, §3.4) without a detour; None for the others."""
    signed = message.compact.rpartition(".")[0].encode("ascii")
    try:
        if message.algorithm == "ES256" and isinstance(key, ec.EllipticCurvePublicKey):
            if len(message.signature) != _ES256_OCTETS:
                return False
            r, s = (int.from_bytes(message.signature[place : place + 32]) for place in (0, 32))
            key.verify(encode_dss_signature(r, s), signed, _ES256)
            return True
        if message.algorithm == "RS256" and isinstance(key, rsa.RSAPublicKey):
            key.verify(message.signature, signed, padding.PKCS1v15(), hashes.SHA256())
            return True
    except InvalidSignature:
        return False
    return None


def is_signed_by(message: SignedMessage, key: Any) -> bool:
    """Tell whether ``key`` (of joserfc) signed the message by the algorithm that its header names."""
    try:
        jws.deserialize_compact(
            message.compact, key, registry=_Registry(algorithms=[message.algorithm], strict_check_header=False)
        )
    except (JoseError, *_BROKEN):
        return False
    return True


class _Registry(jws.JWSRegistry):
    # The library's 512 octets are too few for a jwk of RSA.
    max_header_length = _MOST_HEADER


def _read_object(octets: bytes, *, what: str) -> dict[str, Any]:
    try:
        document = _JSON.decode(octets.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise malformed(f"{what} is not JSON, or names a member twice.") from error
    if not isinstance(document, dict):
        raise malformed(f"{what} is not a JSON object.")
    return document


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(name)


_JSON = json.JSONDecoder(object_pairs_hook=_without_repetition, parse_constant=_no_constant)
