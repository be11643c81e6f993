"""What a request is going to look up, told by its parameters: a hint, see :mod:`kernel.prefetch`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from idp.authorization.reading_ahead import read_codes, read_visits
from idp.protocol.client_authentication import PresentedCredentials
from idp.protocol.errors import InvalidClientError
from idp.protocol.parameters import Parameters
from idp.services import IdpServices
from idp.tokens.reading_ahead import read_access_tokens, read_refresh_tokens
from kernel.identifiers import b64url_decode, sha256_hex
from kernel.prefetch import Want


def wants_of_form(
    services: IdpServices, endpoint: str, *, presented: PresentedCredentials | InvalidClientError, form: Parameters
) -> list[Want]:
    """Return what a call of the token or introspection endpoint looks up."""
    if isinstance(presented, InvalidClientError):
        return []
    wants = [Want(services.known_clients.read, presented.client_id)]
    code, refresh_token, token = form.get("code"), form.get("refresh_token"), form.get("token")
    if endpoint == "introspect":
        return wants + (wants_of_token(services, token) if token else [])
    if form.get("grant_type") == "authorization_code" and code:
        wants.append(Want(read_codes, sha256_hex(code)))
    if form.get("grant_type") == "refresh_token" and refresh_token:
        wants.append(Want(read_refresh_tokens, sha256_hex(refresh_token)))
    return wants


def wants_of_token(services: IdpServices, token: str) -> list[Want]:
    """Return what looking at an access token looks up. What is read here from it is not believed."""
    try:
        claims: Any = json.loads(b64url_decode(token.split(".")[1]))
        client_id, jti, family = (str(claims.get(name, ""))[:64] for name in ("client_id", "jti", "family"))
        wants = [Want(services.known_clients.read, client_id)]
        # PostgreSQL takes no NUL, and nobody's mistake may cost the others of a batch their statement.
        named = family and (jti + family).isprintable()
        return [*wants, Want(read_access_tokens, (jti, family))] if named else wants
    except (ValueError, IndexError, AttributeError, RecursionError):
        return []


def wants_of_visit(services: IdpServices, pairs: Sequence[tuple[str, str]], session_secret: str | None) -> list[Want]:
    """Return what an authorization request looks up."""
    client_id = next((value for name, value in pairs if name == "client_id"), "")[:64]
    if not client_id or "\0" in client_id:
        return []
    wants = [Want(services.known_clients.read, client_id)]
    if session_secret:
        wants.append(Want(read_visits, (sha256_hex(session_secret), client_id)))
    return wants
