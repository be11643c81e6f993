"""``at_hash``, ``c_hash``, ``s_hash``: what an ID token binds to itself (OpenID Connect Core §3.1.3.6, §3.3.2.11)."""

from __future__ import annotations

import hashlib

from kernel.identifiers import b64url

# The hash that the signature uses. Ed25519 hashes with SHA-512 by itself (RFC 8032 §5.1).
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512, "EdDSA": hashlib.sha512}


def left_half_hash(value: str, *, algorithm: str) -> str:
    """Return the left half of the hash of ``value`` as base64url.

    :param algorithm: the ``alg`` that signs the ID token; it names the hash.
    """
    digest = _HASHES[algorithm if algorithm == "EdDSA" else algorithm[-3:]](value.encode()).digest()
    return b64url(digest[: len(digest) // 2])
