"""Encrypted tokens (RFC 7516): to one reader, without compression, in bounds that hold before anything is computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from idp.protocol.algorithms import (
    CONTENT_ENCRYPTION_ALGORITHMS,
    KEY_MANAGEMENT_ALGORITHMS,
    OLD_KEY_MANAGEMENT_ALGORITHMS,
)
from idp.protocol.jose import JwtError
from kernel.identifiers import b64url_decode

# The inner token has a limit of its own; base64 and the envelope make it a half longer.
SIZE_LIMIT = 24_000
_HEADER_LIMIT = 1_024
# RFC 8725 §3.10; `zip`: a few kilobytes may unfold into gigabytes (RFC 8725 §3.6). The other names belong to algorithms
# that need a shared secret: a password's iterations would be the sender's choice.
_REFUSED_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "zip", "p2c", "p2s", "iv", "tag"})
_AGREEMENT_CURVES = frozenset({"P-256", "P-384", "P-521", "X25519"})


class _Registry(jwe.JWERegistry):
    max_protected_header_length = _HEADER_LIMIT
    max_ciphertext_length = SIZE_LIMIT


def encrypt_to(keys: Iterable[Key], content: str, *, alg: str, enc: str, cty: str | None = "JWT") -> str | None:
    """Return ``content`` as a compact JWE for the first of the reader's ``keys`` that serves ``alg``, or None.

    :param keys: public keys for encryption.
    :param alg: how the content key reaches the reader; ``enc``: what encrypts the content.
    :param cty: ``JWT`` says that a signed token is inside (RFC 7519 §5.2).
    """
    key = next((key for key in keys if _serves(key, alg)), None)
    if key is None:
        return None
    header: dict[str, Any] = {"alg": alg, "enc": enc}
    if key.kid is not None:
        header["kid"] = key.kid
    if cty is not None:
        header["cty"] = cty
    return jwe.encrypt_compact(header, content, key, registry=jwe.JWERegistry(algorithms=[alg, enc]))


def decrypt(token: str, *, find_key: Callable[[str, str | None], Key | None]) -> str:
    """Return what an encrypted token holds, which is then to be verified like any stranger's token.

    :param find_key: returns the private key for an ``alg`` and a ``kid`` (None if the header names none), or None.
    :raises JwtError: whatever is wrong with it.
    """
    alg = _require_modest_header(token)
    try:
        key = find_key(*alg)
        if key is None:
            raise JwtError("unknown_key")
        registry = _Registry(algorithms=[*KEY_MANAGEMENT_ALGORITHMS, *CONTENT_ENCRYPTION_ALGORITHMS])
        opened = jwe.decrypt_compact(token, key, registry=registry)
        return (opened.plaintext or b"").decode("ascii")
    except JoseError as error:
        raise JwtError("not_decrypted") from error
    # The library leaves malformed ephemeral keys, points off the curve among them, to Python and to `cryptography`.
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError, OverflowError) as error:
        raise JwtError("not_decrypted") from error


def _require_modest_header(token: str) -> tuple[str, str | None]:
    """Return ``alg`` and ``kid`` after refusing what must not even be begun."""
    if len(token) > SIZE_LIMIT or not token.isascii() or token.count(".") != 4:
        raise JwtError("oversized" if len(token) > SIZE_LIMIT else "malformed")
    segment = token.partition(".")[0]
    if len(segment) > _HEADER_LIMIT:
        raise JwtError("oversized")
    try:
        header = json.loads(b64url_decode(segment))
    except (ValueError, RecursionError) as error:
        raise JwtError("malformed") from error
    if not isinstance(header, dict):
        raise JwtError("malformed")
    alg, enc, kid = header.get("alg"), header.get("enc"), header.get("kid")
    if alg not in KEY_MANAGEMENT_ALGORITHMS or enc not in CONTENT_ENCRYPTION_ALGORITHMS:
        raise JwtError("bad_alg")
    if _REFUSED_HEADERS & set(header):
        raise JwtError("header_not_allowed")
    if not (kid is None or isinstance(kid, str)):
        raise JwtError("malformed")
    return alg, kid


def _serves(key: Key, alg: str) -> bool:
    named = key.get("alg")
    if alg in (*OLD_KEY_MANAGEMENT_ALGORITHMS, "RSA-OAEP-256"):
        return isinstance(key, RSAKey) and named in (None, alg)
    fits = isinstance(key, ECKey | OKPKey) and key.get("crv") in _AGREEMENT_CURVES
    # A key of the family: ECDH-ES with and without key wrapping share keys in practice.
    return fits and (named is None or str(named).startswith("ECDH-ES"))
