"""How an application wants our answers signed and encrypted (Dynamic Client Registration §2, JARM §3, RFC 9701 §6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.clients.policy import ClientPolicy
from idp.clients.registration.values import encryption, maybe_one_of, refusal
from idp.protocol.algorithms import CONTENT_ENCRYPTION_ALGORITHMS, TOKEN_ALGORITHMS

_SIGNED = ("userinfo", "introspection", "authorization")
_ENCRYPTED = ("id_token", *_SIGNED)


def answer_metadata(metadata: Mapping[str, Any], *, policy: ClientPolicy) -> dict[str, Any]:
    """Return the valid members about the ID token (but its own signature), UserInfo, introspection, authorization.

    :raises Rejected: (``bad_client_metadata``): not served under the policy, or no key to encrypt to.
    """
    values: dict[str, Any] = {}
    # What we sign with, not all that we verify.
    signing = [each for each in TOKEN_ALGORITHMS if each in (policy.signature_algorithms or TOKEN_ALGORITHMS)]
    for answer in _SIGNED:
        name = f"{answer}_signed_response_alg"
        values[name] = maybe_one_of(metadata, name, signing)
    for answer in _ENCRYPTED:
        values |= encryption(
            metadata,
            f"{answer}_encrypted_response",
            algorithms=policy.key_management_algorithms,
            encodings=CONTENT_ENCRYPTION_ALGORITHMS,
        )
        name = f"{answer}_encrypted_response_alg"
        if values[name] and not (metadata.get("jwks") or metadata.get("jwks_uri")):
            raise refusal(f"{name}: needs the key to encrypt to, in jwks or at jwks_uri")
    return values
