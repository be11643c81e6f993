"""How an application wants our answers signed and encrypted (Dynamic Client Registration §2, JARM §3, RFC 9701 §6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.clients.values import encryption, maybe_one_of
from idp.protocol.algorithms import (
    CONTENT_ENCRYPTION_ALGORITHMS,
    KEY_MANAGEMENT_ALGORITHMS,
    OLD_KEY_MANAGEMENT_ALGORITHMS,
    TOKEN_ALGORITHMS,
)

_SIGNED = ("userinfo", "introspection", "authorization")
_ENCRYPTED = ("id_token", *_SIGNED)


def answer_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the valid members about the ID token (but its own signature), UserInfo, introspection, authorization.

    :raises Rejected: (``bad_client_metadata``).
    """
    values: dict[str, Any] = {}
    for answer in _SIGNED:
        name = f"{answer}_signed_response_alg"
        values[name] = maybe_one_of(metadata, name, TOKEN_ALGORITHMS)
    for answer in _ENCRYPTED:
        values |= encryption(
            metadata,
            f"{answer}_encrypted_response",
            algorithms=(*KEY_MANAGEMENT_ALGORITHMS, *OLD_KEY_MANAGEMENT_ALGORITHMS),
            encodings=CONTENT_ENCRYPTION_ALGORITHMS,
        )
    return values
