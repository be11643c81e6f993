"""Signing tokens through the custody port, so that an HSM may hold the key (RFC 7515 §7.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from kernel.identifiers import b64url
from keys.signer import Algorithm, Signer

# RFC 7518 §3.4: the octets of each half of an ECDSA signature.
_HALF = {Algorithm.ES256: 32, Algorithm.ES384: 48, Algorithm.ES512: 66}


def sign_jwt(claims: Mapping[str, Any], *, signer: Signer, typ: str) -> str:
    """Return ``claims`` as a compact JWS that names its key.

    :raises kernel.errors.Unavailable: if the token that holds the key does not answer.
    """
    header = {"alg": signer.algorithm.value, "typ": typ, "kid": signer.key_id}
    signing_input = f"{_segment(header)}.{_segment(claims)}"
    signature = signer.sign(signing_input.encode("ascii"))
    if signer.algorithm in _HALF:
        # RFC 7518 §3.4: r and s side by side, not DER.
        octets = _HALF[signer.algorithm]
        r, s = decode_dss_signature(signature)
        signature = r.to_bytes(octets, "big") + s.to_bytes(octets, "big")
    return f"{signing_input}.{b64url(signature)}"


def _segment(document: Mapping[str, Any]) -> str:
    return b64url(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())
