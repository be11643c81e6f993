"""What must fit together in a registration (RFC 7591 §2.1), and what its policy allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.clients.auth_method import AuthMethod
from idp.clients.policy import (
    AUTHORIZATION_CODE,
    CIBA,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    IMPLICIT,
    JWT_BEARER,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
)
from idp.clients.registration.values import refusal
from idp.protocol.scope import IDENTITY_SCOPES, OFFLINE_ACCESS, OPENID

if TYPE_CHECKING:
    from idp.clients.registration.client_registration import ClientRegistration

# Those by which people log in; each gives an ID token.
LOGIN_GRANT_TYPES = frozenset({AUTHORIZATION_CODE, IMPLICIT, DEVICE_CODE, CIBA})


def require_consistent(registration: ClientRegistration) -> None:
    """:raises Rejected: (``bad_client_metadata``) saying what does not fit."""
    _require_policy(registration)
    _require_scopes(registration)
    _require_grants(registration)
    if registration.metadata.resource_scopes and registration.resource is None:
        raise refusal("resource_scopes: goes with resource, the identifier of the API")
    if registration.resource is not None and registration.auth_method is AuthMethod.NONE:
        raise refusal("resource: an API is a confidential client")


def _require_policy(registration: ClientRegistration) -> None:
    policy = registration.policy
    if registration.auth_method not in policy.auth_methods:
        raise refusal(f"token_endpoint_auth_method: the policy {policy.name} does not allow it")
    if foreign := set(registration.grant_types) - policy.grant_types:
        raise refusal(f"grant_types: the policy {policy.name} does not allow {', '.join(sorted(foreign))}")


def _require_scopes(registration: ClientRegistration) -> None:
    scopes, grants = set(registration.scopes), set(registration.grant_types)
    if LOGIN_GRANT_TYPES & grants:
        if OPENID not in scopes:
            raise refusal("scope: must contain openid")
        foreign = scopes - set(IDENTITY_SCOPES)
        if foreign and not registration.metadata.resources:
            raise refusal(f"scope: {', '.join(sorted(foreign))} belongs to no API in resources")
    if not set(registration.optional_scopes) <= scopes - {OPENID}:
        raise refusal("optional_scope: must be a part of scope, without openid")
    if (OFFLINE_ACCESS in scopes) != (REFRESH_TOKEN in grants):
        raise refusal("scope offline_access and grant type refresh_token go together")


def _require_grants(registration: ClientRegistration) -> None:
    grants, public = set(registration.grant_types), registration.auth_method is AuthMethod.NONE
    redirected = {AUTHORIZATION_CODE, IMPLICIT} & grants
    if redirected and not registration.redirect_uris:
        raise refusal("redirect_uris: an application that people log in to needs one")
    if registration.redirect_uris and not redirected:
        raise refusal("redirect_uris: nothing that is registered redirects to one")
    if IMPLICIT in grants and any(uri.startswith("http:") for uri in registration.redirect_uris):
        # Dynamic Client Registration §2 application_type: tokens travel in the address.
        raise refusal("redirect_uris: the grant type implicit needs https")
    if REFRESH_TOKEN in grants and not (LOGIN_GRANT_TYPES - {IMPLICIT}) & grants:
        raise refusal("grant_types: refresh_token goes with one by which people log in")
    if public and CIBA in grants:
        raise refusal("grant_types: a public client cannot prove who it is, so no CIBA")  # CIBA Core §7.1
    if CLIENT_CREDENTIALS in grants:
        if public:
            raise refusal("grant_types: a public client cannot prove who it is, so no client_credentials")
        if not registration.metadata.resources:
            raise refusal("resources: client_credentials needs the API that its tokens open")
    _require_service_grants(registration)
    bound = ("dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens")
    if IMPLICIT in grants and any(getattr(registration.metadata, name) for name in bound):
        raise refusal("grant_types: tokens in a redirect are bound to nothing, so no implicit with bound tokens")


def _require_service_grants(registration: ClientRegistration) -> None:
    grants, resources = registration.grant_types, registration.metadata.resources
    if JWT_BEARER in grants and (registration.auth_method is not AuthMethod.PRIVATE_KEY_JWT or not resources):
        raise refusal("grant_types: jwt-bearer needs private_key_jwt, and in resources the API that its tokens open")
    if TOKEN_EXCHANGE in grants and (registration.resource is None or not resources):
        raise refusal("grant_types: token-exchange needs resource, the API it is, and resources, those it calls on")
