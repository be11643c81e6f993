"""Which API a token is for, and what it may do there: one audience, and no scope that is meant for another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from idp.clients.api import find_apis
from idp.clients.client import Client
from idp.clients.environment import may_call
from idp.clients.own_apis import OWN_APIS
from idp.protocol.authorization_details import InvalidDetailsError, narrowed_details
from idp.protocol.errors import TokenError
from idp.protocol.resource import InvalidTargetError, target_of
from idp.protocol.scope import IDENTITY_SCOPES
from idp.services import IdpServices
from idp.tokens.family import TokenFamily


@dataclass(frozen=True)
class Target:
    """The audience of one token.

    :ivar access_token_format: ``jwt`` or ``opaque``: as the API wants it, else as the client does.
    :ivar access_token_alg: what a JWT is signed by: RS256 if the API or the client wants it.
    :ivar authorization_details: of what was allowed in detail, the part that the API declares (RFC 9396 §9.1).
    """

    identifier: str
    scopes: tuple[str, ...]
    access_token_format: str
    access_token_alg: str
    authorization_details: tuple[Mapping[str, Any], ...] = ()


def userinfo_resource(issuer: str) -> str:
    """Return the ``aud`` of tokens that open our UserInfo endpoint and nothing else."""
    return f"{issuer}/userinfo"


def target_for_person(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    family: TokenFamily,
    named: Sequence[str],
    scopes: Sequence[str],
    details: str | None = None,
) -> Target:
    """Return the target of an access token of ``family``.

    :param named: ``resource`` of the token request.
    :param scopes: the family's, or fewer; the token carries those that mean something there.
    :param details: ``authorization_details`` of the token request, a part of what was granted; None for all of it.
    :raises TokenError: ``invalid_target``, if it was not granted or the client has lost it;
        ``invalid_authorization_details``.
    """
    try:
        narrowed = narrowed_details(details, granted=family.terms.authorization_details)
    except InvalidDetailsError as error:
        raise TokenError("invalid_authorization_details", f"authorization_details: {error}.") from error
    userinfo = userinfo_resource(services.settings.issuer)
    try:
        identifier = target_of(named, granted=family.terms.resources, userinfo=userinfo)
    except InvalidTargetError as error:
        raise _invalid_target() from error
    if identifier == userinfo:
        own = tuple(scope for scope in scopes if scope in IDENTITY_SCOPES)
        wanted = client.metadata
        return Target(identifier, own, wanted.access_token_format, wanted.access_token_signed_response_alg)
    return _at_api(session, client, identifier, scopes, narrowed)


def target_for_service(session: Session, *, client: Client, named: Sequence[str], scopes: Sequence[str]) -> Target:
    """Return the target of a service's own token.

    :raises TokenError: ``invalid_target``.
    """
    try:
        identifier = target_of(named, granted=client.metadata.resources, userinfo=None)
    except InvalidTargetError as error:
        raise _invalid_target() from error
    return _at_api(session, client, identifier, scopes)


def _at_api(
    session: Session,
    client: Client,
    identifier: str,
    scopes: Sequence[str],
    details: Sequence[Mapping[str, Any]] = (),
) -> Target:
    if identifier not in client.metadata.resources:
        raise _invalid_target()
    api = find_apis(session, (identifier,)).get(identifier)
    if not may_call(client.place, api.place if api else None):
        raise _invalid_target()
    meant = tuple(
        scope
        for scope in scopes
        if scope not in IDENTITY_SCOPES
        and scope in OWN_APIS.get(identifier, {scope})
        and (api is None or not api.scopes or scope in api.scopes)
    )
    wanted = client.metadata
    formats = {wanted.access_token_format, api.access_token_format if api else "jwt"}
    algorithms = {wanted.access_token_signed_response_alg, api.access_token_alg if api else "ES256"}
    declared = tuple(item for item in details if api is not None and item["type"] in api.details)
    return Target(
        identifier,
        meant,
        "opaque" if "opaque" in formats else "jwt",
        "RS256" if "RS256" in algorithms else "ES256",
        declared,
    )


def _invalid_target() -> TokenError:
    return TokenError("invalid_target", "The resource is not one that was granted to this client.")
