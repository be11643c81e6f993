"""A registered application as metadata again: what RFC 7591 §3.2.1 answers, and what ``sau client show`` prints."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from idp.clients.client import Client
from idp.clients.registration.metadata import ClientMetadata

_ALWAYS = (
    "client_name",
    "policy",
    "application_type",
    "redirect_uris",
    "post_logout_redirect_uris",
    "token_endpoint_auth_method",
    "grant_types",
    "scope",
    "id_token_signed_response_alg",
    "optional_scope",
    "default_acr_values",
    "resource",
    "jwks",
)
#: Every name that :func:`registration_document` may use.
REGISTERED_NAMES = frozenset(_ALWAYS) | {each.name for each in fields(ClientMetadata)}


def registration_document(client: Client) -> dict[str, Any]:
    """Return everything that is registered, by its registered names; parsed again it is the same registration."""
    document: dict[str, Any] = {
        "client_name": client.name,
        "policy": client.policy.name,
        "application_type": client.application_type,
        "redirect_uris": list(client.redirect_uris),
        "post_logout_redirect_uris": list(client.post_logout_redirect_uris),
        "token_endpoint_auth_method": client.auth_method.value,
        "grant_types": list(client.grant_types),
        "response_types": list(client.metadata.response_types),
        "scope": " ".join(client.scopes),
        "subject_type": client.metadata.subject_type,
        "id_token_signed_response_alg": client.id_token_alg,
    }
    optional: dict[str, Any] = {
        "optional_scope": " ".join(client.optional_scopes),
        "default_acr_values": [client.minimum_acr] if client.minimum_acr else [],
        "resource": client.resource,
        "jwks": client.jwks,
    }
    document |= {name: value for name, value in optional.items() if value}
    return document | client.metadata.to_document()
