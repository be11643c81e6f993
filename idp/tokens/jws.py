"""Signing tokens through the custody port, so that an HSM may hold the key (RFC 7515 §7.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from idp.protocol.jose import SIZE_LIMIT, JwtError
from kernel.identifiers import b64url, b64url_decode
from keys.signer import Algorithm, Signer

AccessTokenKey = EllipticCurvePublicKey | RSAPublicKey

_SHA256 = SHA256()
_ES256 = ECDSA(_SHA256)
_PKCS1 = PKCS1v15()
_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
# RFC 7518 §3.4: the octets of each half of an ECDSA signature.
_HALF = {Algorithm.ES256: 32, Algorithm.ES384: 48, Algorithm.ES512: 66}


def sign_jwt(claims: Mapping[str, Any], *, signer: Signer, typ: str) -> str:
    """Return ``claims`` as a compact JWS that names its key.

    :raises kernel.errors.Unavailable: if the token that holds the key does not answer.
    """
    signing_input = f"{header_segment(signer, typ)}.{_segment(claims)}"
    signature = signer.sign(signing_input.encode("ascii"))
    if signer.algorithm in _HALF:
        # RFC 7518 §3.4: r and s side by side, not DER.
        octets = _HALF[signer.algorithm]
        r, s = decode_dss_signature(signature)
        signature = r.to_bytes(octets, "big") + s.to_bytes(octets, "big")
    return f"{signing_input}.{b64url(signature)}"


def header_segment(signer: Signer, typ: str) -> str:
    """Return the first part of every token of this type that the key signs."""
    return _header_segment(signer.algorithm.value, typ, signer.key_id)


@lru_cache(maxsize=256)
def _header_segment(alg: str, typ: str, kid: str) -> str:
    return _segment({"alg": alg, "typ": typ, "kid": kid})


def read_own_jwt(token: str, *, keys: Mapping[str, AccessTokenKey]) -> Mapping[str, Any] | None:
    """Return the claims of a token that we signed by ES256 or RS256; None if it does not begin as one of ours does.

    What is compared is the whole first part, character by character, with those that our keys write: no header of
    anyone's is read, and there is nothing in it to choose. Claims are the caller's to check.

    :param keys: by :func:`header_segment`.
    :raises JwtError: ``bad_signature``, ``malformed``.
    """
    header, _, rest = token.partition(".")
    key = keys.get(header)
    if key is None or len(token) > SIZE_LIMIT or not token.isascii():
        return None
    payload, _, signature = rest.partition(".")
    try:
        _verify(key, b64url_decode(signature), f"{header}.{payload}".encode("ascii"))
        claims = json.loads(b64url_decode(payload))
    except InvalidSignature as error:
        raise JwtError("bad_signature") from error
    except (ValueError, RecursionError) as error:
        raise JwtError("malformed") from error
    if not isinstance(claims, dict):
        raise JwtError("malformed")
    return claims


def _verify(key: AccessTokenKey, signature: bytes, signed: bytes) -> None:
    if isinstance(key, RSAPublicKey):
        key.verify(signature, signed, _PKCS1, _SHA256)
        return
    half = _HALF[Algorithm.ES256]
    if len(signature) != 2 * half:
        raise JwtError("bad_signature")
    der = encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
    key.verify(der, signed, _ES256)


def _segment(document: Mapping[str, Any]) -> str:
    return b64url(_COMPACT.encode(document).encode())
