"""What a stranger with an initial access token asks for, brought within that token's bounds (RFC 7591 §2, §3.2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from idp.clients.auth_method import AuthMethod
from idp.clients.dynamic.initial_access import InitialAccess
from idp.clients.policy import AUTHORIZATION_CODE, IMPLICIT, REFRESH_TOKEN
from idp.clients.registration.client_registration import NAME_LIMIT
from idp.clients.registration.consistency import LOGIN_GRANT_TYPES
from idp.clients.registration.values import refusal, texts
from idp.protocol.response_type import CODE, gives_tokens
from idp.protocol.scope import OFFLINE_ACCESS, OPENID, split_scope
from kernel.errors import Rejected


def bounded_metadata(metadata: Mapping[str, Any], access: InitialAccess) -> dict[str, Any]:
    """Return the metadata as it will be registered: defaults filled in, scopes cut to what the token allows.

    The server may replace what was asked for and says so in its answer (RFC 7591 §3.2.1); what would change security
    is refused instead.

    :raises Rejected: ``bad_client_metadata``; ``unapproved_software_statement``.
    """
    if metadata.get("software_statement") is not None:
        # RFC 7591 §2.3: nobody's statements are trusted here; an initial access token says who vouches.
        raise Rejected("Software statements are not taken here.", code="unapproved_software_statement")
    if metadata.get("policy") not in (None, access.policy.name):
        raise refusal(f"policy: this initial access token registers {access.policy.name}")
    if metadata.get("resource") is not None or metadata.get("resource_scopes"):
        raise refusal("resource: an administrator registers APIs")
    if foreign := set(texts(metadata, "resources")) - set(access.resources):
        raise refusal(f"resources: {', '.join(sorted(foreign))} is not among those of the initial access token")
    bounded = {name: value for name, value in metadata.items() if value is not None}
    bounded["policy"] = access.policy.name
    bounded["client_name"] = metadata.get("client_name") or _name_of(metadata)
    grants = _grants(metadata, access)
    bounded["grant_types"] = grants
    scopes = _scopes(metadata, access, grants)
    bounded["scope"] = " ".join(scopes)
    if access.resources and "resources" not in bounded:
        bounded["resources"] = list(access.resources)
    if "token_endpoint_auth_method" not in bounded:
        bounded["token_endpoint_auth_method"] = _method(metadata, access).value
    if metadata.get("csr") is not None and bounded["token_endpoint_auth_method"] != AuthMethod.TLS_CLIENT_AUTH.value:
        raise refusal("csr: goes with token_endpoint_auth_method tls_client_auth")
    return bounded


def _name_of(metadata: Mapping[str, Any]) -> str:
    uris = texts(metadata, "redirect_uris")
    try:
        host = urlsplit(uris[0]).hostname if uris else None
    except ValueError:
        host = None  # no address: the rule for addresses says so
    return (host or "Aplicación")[:NAME_LIMIT]


def _grants(metadata: Mapping[str, Any], access: InitialAccess) -> list[str]:
    """Dynamic Client Registration §2: response types say which grants they need."""
    grants = list(texts(metadata, "grant_types"))
    if not grants:
        asked = texts(metadata, "response_types") or (CODE,)
        if any(CODE in each.split(" ") for each in asked):
            grants.append(AUTHORIZATION_CODE)
        if any(gives_tokens(each) for each in asked):
            grants.append(IMPLICIT)
    if OFFLINE_ACCESS not in access.scopes and REFRESH_TOKEN in grants:
        grants.remove(REFRESH_TOKEN)
    return grants


def _scopes(metadata: Mapping[str, Any], access: InitialAccess, grants: list[str]) -> tuple[str, ...]:
    """Return what was asked for and is allowed; everything allowed if nothing was asked for."""
    try:
        asked = split_scope(metadata.get("scope") or "")
    except (ValueError, AttributeError) as error:
        raise refusal("scope: scopes with a space between them") from error
    people = bool(LOGIN_GRANT_TYPES & set(grants))
    kept = [scope for scope in access.scopes if not asked or scope in asked]
    if people and OPENID not in kept:
        kept.insert(0, OPENID)
    if not people:
        kept = [scope for scope in kept if scope != OPENID]
    if OFFLINE_ACCESS in kept and REFRESH_TOKEN not in grants:
        kept.remove(OFFLINE_ACCESS)
    if OFFLINE_ACCESS not in kept and REFRESH_TOKEN in grants:
        kept.append(OFFLINE_ACCESS)
    return tuple(kept)


def _method(metadata: Mapping[str, Any], access: InitialAccess) -> AuthMethod:
    """Return the method where none was named: a CSR wants a certificate; else the usual one, if the policy has it."""
    if metadata.get("csr") is not None:
        return AuthMethod.TLS_CLIENT_AUTH
    if AuthMethod.CLIENT_SECRET_BASIC in access.policy.auth_methods:
        return AuthMethod.CLIENT_SECRET_BASIC
    return AuthMethod.NONE if AuthMethod.NONE in access.policy.auth_methods else AuthMethod.PRIVATE_KEY_JWT
