"""The public keys of an application."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from kernel.errors import Rejected

KEYS_LIMIT = 10
SIZE_LIMIT = 32_000
MINIMUM_RSA_BITS = 2048

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVES = frozenset({"P-256", "P-384", "Ed25519", "X25519"})
_KEPT_MEMBERS = ("kty", "kid", "use", "alg", "crv", "x", "y", "n", "e")


def require_public_jwks(document: object) -> dict[str, Any]:
    """Check a JSON Web Key Set (RFC 7517 §5) of public keys and return it with what we use of it.

    :raises Rejected: (``bad_jwks``): not a set of 1 to 10 RSA (2048 bits or more), P-256, P-384, Ed25519 or X25519
        keys, a private or symmetric member (then the key is burnt: it has travelled), two keys of one ``kid``, or a
        certificate in ``x5c`` that is another key's.
    """
    return _kept([_public_key(key) for key in _keys_of(document)])


def readable_public_jwks(document: object) -> dict[str, Any]:
    """Return what we can use of a set that was fetched: keys of kinds that we do not know are passed over (§5).

    :raises Rejected: (``bad_jwks``): not a set, too large, a private member in it, or nothing to use.
    """
    usable = []
    for key in _keys_of(document):
        if isinstance(key, Mapping) and _PRIVATE_MEMBERS & set(key):
            raise _bad("jwks holds public keys only.")
        try:
            usable.append(_public_key(key))
        except Rejected:
            continue
    if not usable:
        raise _bad("jwks holds no key that can be used.")
    return _kept(usable)


def key_set(jwks: Mapping[str, Any]) -> KeySet:
    """Return the checked set as key objects, which are kept: reading an RSA key takes tens of milliseconds."""
    return _key_set(json.dumps(jwks, sort_keys=True))


def keys_for(keys: KeySet, use: str) -> KeySet:
    """Return the keys for ``use``, ``sig`` or ``enc``; a key that names none serves both (RFC 7517 §4.2)."""
    return KeySet([key for key in keys.keys if key.get("use") in (None, use)])


def subject_public_key_info(key: Key) -> bytes:
    """Return the key as a certificate holds it (RFC 5280 §4.1.2.7), in DER."""
    raw = key.public_key
    return b"" if isinstance(raw, bytes) else raw.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@lru_cache(maxsize=512)
def _key_set(document: str) -> KeySet:
    return KeySet([JWKRegistry.import_key(key) for key in json.loads(document)["keys"]])


def _keys_of(document: object) -> list[object]:
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEYS_LIMIT or len(json.dumps(document)) > SIZE_LIMIT:
        raise _bad(f"jwks is a JSON Web Key Set with 1 to {KEYS_LIMIT} keys.")
    return keys


def _kept(checked: list[dict[str, Any]]) -> dict[str, Any]:
    kids = [key["kid"] for key in checked]
    if len(set(kids)) != len(kids):
        raise _bad("Each key of jwks needs a kid of its own.")
    return {"keys": checked}


def _public_key(data: object) -> dict[str, Any]:
    if not isinstance(data, Mapping) or _PRIVATE_MEMBERS & set(data):
        raise _bad("jwks holds public keys only.")
    if data.get("kty") not in ("RSA", "EC", "OKP") or data.get("use", "sig") not in ("sig", "enc"):
        raise _bad("jwks holds RSA, EC or OKP keys for signatures or encryption.")
    if data.get("kty") != "RSA" and data.get("crv") not in _CURVES:
        raise _bad("The curve of a key in jwks is P-256, P-384, Ed25519 or X25519.")
    if "kid" in data and not (isinstance(data["kid"], str) and 0 < len(data["kid"]) <= 128):
        raise _bad("A kid is a text of 1 to 128 characters.")
    members = {name: data[name] for name in _KEPT_MEMBERS if name in data}
    try:
        key = JWKRegistry.import_key(dict(members))
        raw = key.public_key
        key.ensure_kid()
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _bad("A key in jwks cannot be read.") from error
    if isinstance(raw, RSAPublicKey) and raw.key_size < MINIMUM_RSA_BITS:
        raise _bad(f"An RSA key has {MINIMUM_RSA_BITS} bits or more.")
    if "x5c" in data:
        _require_certificate_of(key, data["x5c"])
    return {**members, "kid": key.kid}


def _require_certificate_of(key: Key, chain: object) -> None:
    """RFC 7517 §4.7: the key of the first certificate is the key that the other members give."""
    try:
        if not isinstance(chain, list):
            raise TypeError("x5c is a list")
        certificate = x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True))
        certified = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, TypeError, IndexError) as error:
        raise _bad("x5c holds certificates, the key's own first.") from error
    if certified != subject_public_key_info(key):
        raise _bad("The first certificate of x5c is another key's.")


def _bad(detail: str) -> Rejected:
    return Rejected(detail, code="bad_jwks")
