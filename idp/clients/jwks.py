"""The public keys of an application."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet, RSAKey

from kernel.errors import Rejected

KEYS_LIMIT = 10
SIZE_LIMIT = 32_000
MINIMUM_RSA_BITS = 2048

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVES = frozenset({"P-256", "Ed25519"})


def require_public_jwks(document: object) -> dict[str, Any]:
    """Check a JSON Web Key Set (RFC 7517 §5) of public signature keys and return it with what we use of it.

    :raises Rejected: (``bad_jwks``): not a set of 1 to 10 RSA (2048 bits or more), P-256 or Ed25519 keys, a private or
        symmetric member (then the key is burnt: it has travelled), or two keys of one ``kid``.
    """
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEYS_LIMIT or len(json.dumps(document)) > SIZE_LIMIT:
        raise Rejected(f"jwks is a JSON Web Key Set with 1 to {KEYS_LIMIT} keys.", code="bad_jwks")
    checked = [_public_key(key) for key in keys]
    kids = [key.get("kid") for key in checked]
    if len(set(kids)) != len(kids):
        raise Rejected("Each key of jwks needs a kid of its own.", code="bad_jwks")
    return {"keys": checked}


def key_set(jwks: Mapping[str, Any]) -> KeySet:
    """Return the checked set as key objects, which are kept: reading an RSA key takes tens of milliseconds."""
    return _key_set(json.dumps(jwks, sort_keys=True))


@lru_cache(maxsize=512)
def _key_set(document: str) -> KeySet:
    return KeySet([JWKRegistry.import_key(key) for key in json.loads(document)["keys"]])


def _public_key(data: object) -> dict[str, Any]:
    if not isinstance(data, Mapping) or _PRIVATE_MEMBERS & set(data):
        raise Rejected("jwks holds public keys only.", code="bad_jwks")
    if data.get("kty") not in ("RSA", "EC", "OKP") or data.get("use", "sig") != "sig":
        raise Rejected("jwks holds RSA, EC or OKP keys for signatures.", code="bad_jwks")
    if data.get("kty") != "RSA" and data.get("crv") not in _CURVES:
        raise Rejected("The curve of a key in jwks is P-256 or Ed25519.", code="bad_jwks")
    if "kid" in data and not (isinstance(data["kid"], str) and 0 < len(data["kid"]) <= 128):
        raise Rejected("A kid is a text of 1 to 128 characters.", code="bad_jwks")
    members = {name: data[name] for name in ("kty", "kid", "alg", "crv", "x", "y", "n", "e") if name in data}
    try:
        key = JWKRegistry.import_key({**members, "use": "sig"})
        raw = key.public_key if isinstance(key, RSAKey) else None
        key.ensure_kid()
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Rejected("A key in jwks cannot be read.", code="bad_jwks") from error
    if isinstance(raw, RSAPublicKey) and raw.key_size < MINIMUM_RSA_BITS:
        raise Rejected(f"An RSA key has {MINIMUM_RSA_BITS} bits or more.", code="bad_jwks")
    return {**members, "use": "sig", "kid": key.kid}
