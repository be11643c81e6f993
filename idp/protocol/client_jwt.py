"""JWTs that an application signed: which of its keys to try (RFC 7515 §6, RFC 8725 §3.1)."""

from __future__ import annotations

import json
from collections.abc import Collection

from joserfc.jwk import Key, KeySet

from idp.protocol.jose import SIZE_LIMIT, JwtError, VerifiedJwt, verify_jwt
from kernel.identifiers import b64url_decode

_KEY_TYPE = {"ES": "EC", "RS": "RSA", "PS": "RSA", "Ed": "OKP", "HS": "oct"}
# An algorithm of RFC 7518 §3.4 goes with one curve.
_CURVE = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}


def verify_client_jwt(token: str, *, keys: KeySet, algorithms: Collection[str]) -> VerifiedJwt:
    """Verify a JWT by one of the client's keys, two of which may be valid side by side. Claims are the caller's.

    The key is the one that ``kid`` names. Without a ``kid`` each key that fits the algorithm is tried.

    :raises JwtError: ``unknown_key`` if no key fits the header, ``bad_signature`` if none of those that fit signed it.
    """
    algorithm, kid = _header(token)
    if algorithm not in algorithms:
        raise JwtError("bad_alg")
    fitting = [key for key in keys.keys if _fits(key, algorithm) and _is_named(key, kid)]
    if not fitting:
        raise JwtError("unknown_key")
    for key in fitting[:-1]:
        try:
            return verify_jwt(token, keys=key, algorithms=(algorithm,))
        except JwtError as error:
            if error.reason != "bad_signature":
                raise
    return verify_jwt(token, keys=fitting[-1], algorithms=(algorithm,))


def _header(token: str) -> tuple[str, str | None]:
    """Return ``alg`` and ``kid``: only to choose the key, nothing else is believed of it."""
    if len(token) > SIZE_LIMIT or not token.isascii():
        raise JwtError("oversized")
    try:
        header = json.loads(b64url_decode(token.split(".", 1)[0]))
        algorithm, kid = header["alg"], header.get("kid")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise JwtError("malformed") from error
    if not isinstance(algorithm, str) or not (kid is None or isinstance(kid, str)):
        raise JwtError("malformed")
    return algorithm, kid


def _fits(key: Key, algorithm: str) -> bool:
    if key.key_type != _KEY_TYPE.get(algorithm[:2]) or key.get("alg") not in (None, algorithm):
        return False
    return algorithm not in _CURVE or key.get("crv") == _CURVE[algorithm]


def _is_named(key: Key, kid: str | None) -> bool:
    # A secret has no name that both sides know; whatever a library writes there names nothing of ours.
    return kid is None or key.kid == kid or key.key_type == "oct"
