"""What an application says about its requests (Dynamic Client Registration §2, RFC 9101 §10.5, RFC 9126 §6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from idp.clients.policy import AUTHORIZATION_CODE, IMPLICIT, ClientPolicy
from idp.clients.registration.uris import require_https_uri
from idp.clients.registration.values import encryption, flag, maybe_one_of, number, one_of, refusal, seconds, texts
from idp.protocol.algorithms import (
    CONTENT_ENCRYPTION_ALGORITHMS,
    KEY_MANAGEMENT_ALGORITHMS,
    OLD_KEY_MANAGEMENT_ALGORITHMS,
)
from idp.protocol.client_assertion import ALGORITHMS
from idp.protocol.response_type import CODE, RESPONSE_TYPES, gives_tokens, normal_response_type

REQUEST_URIS_LIMIT = 20


def request_metadata(metadata: Mapping[str, Any], *, grants: Collection[str], policy: ClientPolicy) -> dict[str, Any]:
    """Return the valid members about authorization requests.

    :raises Rejected: (``bad_client_metadata``).
    """
    request_uris = texts(metadata, "request_uris")
    if len(request_uris) > REQUEST_URIS_LIMIT:
        raise refusal(f"request_uris: {REQUEST_URIS_LIMIT} at most")
    for uri in request_uris:
        # Dynamic Client Registration §2: here a fragment may stand, the digest of what is found there.
        require_https_uri(uri.partition("#")[0], "request_uris")
    signing = [each for each in ALGORITHMS if not policy.signature_algorithms or each in policy.signature_algorithms]
    return {
        "response_types": _response_types(metadata, grants=grants, policy=policy),
        "request_uris": request_uris,
        "request_object_signing_alg": maybe_one_of(metadata, "request_object_signing_alg", signing),
        **encryption(
            metadata,
            "request_object_encryption",
            algorithms=(*KEY_MANAGEMENT_ALGORITHMS, *OLD_KEY_MANAGEMENT_ALGORITHMS),
            encodings=CONTENT_ENCRYPTION_ALGORITHMS,
        ),
        "require_signed_request_object": flag(metadata, "require_signed_request_object"),
        "require_pushed_authorization_requests": flag(metadata, "require_pushed_authorization_requests"),
        "authorization_details_types": texts(metadata, "authorization_details_types"),
        "default_max_age": seconds(metadata, "default_max_age"),
        "sessions_at_most": number(metadata, "sessions_at_most", least=1, most=100),
        "when_sessions_are_full": one_of(
            metadata, "when_sessions_are_full", ("end_oldest", "refuse"), default="end_oldest"
        ),
        "require_auth_time": flag(metadata, "require_auth_time"),
    }


def _response_types(metadata: Mapping[str, Any], *, grants: Collection[str], policy: ClientPolicy) -> tuple[str, ...]:
    """RFC 7591 §2.1: what the answer carries and what is exchanged afterwards must fit."""
    default = [CODE] if AUTHORIZATION_CODE in grants else []
    if metadata.get("response_types") is None:
        return tuple(default)
    registered = tuple(dict.fromkeys(normal_response_type(each) for each in texts(metadata, "response_types")))
    for each in registered:
        if each not in RESPONSE_TYPES:
            raise refusal(f"response_types: one of {', '.join(RESPONSE_TYPES)}")
        if each not in policy.response_types:
            raise refusal(f"response_types: the policy {policy.name} does not allow {each!r}")
        if CODE in each.split(" ") and AUTHORIZATION_CODE not in grants:
            raise refusal(f"response_types: {each!r} goes with the grant type authorization_code")
        if gives_tokens(each) and IMPLICIT not in grants:
            raise refusal(f"response_types: {each!r} goes with the grant type implicit")
    return registered
