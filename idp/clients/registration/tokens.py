"""What an application says about tokens: which APIs it calls or is, and what binds them (RFC 8707, RFC 9449 §5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.clients.policy import ClientPolicy
from idp.clients.registration.authorization_details import read_resource_details
from idp.clients.registration.uris import require_resource_identifier
from idp.clients.registration.values import flag, one_of, refusal, texts
from idp.protocol.algorithms import ACCESS_TOKEN_ALGORITHMS
from idp.protocol.scope import IDENTITY_SCOPES, SCOPE_TOKEN

ACCESS_TOKEN_FORMATS = ("jwt", "opaque")
WORDS_LIMIT = 100
RESOURCE_SCOPES_LIMIT = 50


def token_metadata(metadata: Mapping[str, Any], *, policy: ClientPolicy) -> dict[str, Any]:
    """Return the valid members about tokens. :raises Rejected: ``bad_client_metadata``, ``bad_resource``."""
    resources = texts(metadata, "resources")
    for resource in resources:
        require_resource_identifier(resource)
    algorithms = [each for each in ACCESS_TOKEN_ALGORITHMS if each in (policy.signature_algorithms or [each])]
    return {
        "resources": resources,
        "resource_scopes": _resource_scopes(metadata.get("resource_scopes")),
        "resource_details": read_resource_details(metadata.get("resource_details")),
        "access_token_format": one_of(metadata, "access_token_format", ACCESS_TOKEN_FORMATS, default="jwt"),
        "access_token_signed_response_alg": one_of(
            metadata, "access_token_signed_response_alg", algorithms, default=ACCESS_TOKEN_ALGORITHMS[0]
        ),
        "dpop_bound_access_tokens": flag(metadata, "dpop_bound_access_tokens"),
        "tls_client_certificate_bound_access_tokens": flag(metadata, "tls_client_certificate_bound_access_tokens"),
    }


def _resource_scopes(value: object) -> dict[str, str]:
    """Return an API's scopes with the words that people will read when they are asked to allow them."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > RESOURCE_SCOPES_LIMIT:
        raise refusal(f"resource_scopes: an object of {RESOURCE_SCOPES_LIMIT} scopes at most, with words for each")
    for scope, words in value.items():
        if not SCOPE_TOKEN.fullmatch(scope) or scope in IDENTITY_SCOPES:
            raise refusal("resource_scopes: each is a scope of the API's own")
        if not isinstance(words, str) or not 0 < len(words) <= WORDS_LIMIT or not words.isprintable():
            raise refusal(f"resource_scopes: 1 to {WORDS_LIMIT} characters that people will read")
    return dict(value)
