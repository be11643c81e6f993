"""The token inspector: what a developer pasted, taken apart and checked as his application should. Nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.clients.keys import client_keys
from idp.developer.token_checks import Check, Expected, Result, check_token
from idp.developer.token_reading import OF_THE_APPLICATION, ReadToken, TokenKind, kind_of, read_token
from idp.protocol.algorithms import ACCESS_TOKEN_ALGORITHMS, TOKEN_ALGORITHMS
from idp.protocol.errors import BearerTokenError
from idp.protocol.request_object import TYPES as REQUEST_TYPES
from idp.services import IdpServices
from idp.tokens.access_token import read_access_token
from idp.tokens.family import DeadFamilyError
from idp.tokens.presented import require_living_access_token
from idp.tokens.protection import Protection, authorization_protection, id_token_protection, userinfo_protection
from idp.tokens.target import userinfo_resource

_REQUIRED = {
    TokenKind.ID_TOKEN: ("sub", "exp", "iat"),
    TokenKind.ACCESS_TOKEN: ("sub", "exp", "client_id", "jti"),
    TokenKind.LOGOUT_TOKEN: ("exp", "iat", "jti"),
    TokenKind.AUTHORIZATION_RESPONSE: ("exp",),
    TokenKind.USERINFO: ("sub",),
    TokenKind.REQUEST_OBJECT: (),
    TokenKind.CLIENT_ASSERTION: ("sub", "exp", "jti"),
}
_TYPES = {
    TokenKind.ID_TOKEN: ("jwt",),
    TokenKind.ACCESS_TOKEN: ("at+jwt", "application/at+jwt"),
    TokenKind.LOGOUT_TOKEN: ("logout+jwt",),
    TokenKind.AUTHORIZATION_RESPONSE: ("jwt",),
    TokenKind.USERINFO: ("jwt",),
    TokenKind.REQUEST_OBJECT: tuple(each or "" for each in REQUEST_TYPES),
    TokenKind.CLIENT_ASSERTION: ("", "jwt", "client-authentication+jwt"),
}


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the developer knows beside the token. Empty: not given."""

    nonce: str = ""
    access_token: str = ""
    code: str = ""


@dataclass(frozen=True)
class Inspection:
    """What the inspector says.

    :ivar kind: what the token is, or was said to be; None where that cannot be told.
    :ivar ours: whether it is for the application that looks: of another's token no more is said than stands in it.
    :ivar standing: ``alive``, or why our own access token for this application is refused today; None: not asked.
    """

    token: ReadToken
    kind: TokenKind | None
    checks: tuple[Check, ...]
    ours: bool = False
    standing: str | None = None

    @property
    def good(self) -> bool:
        """Whether no check failed."""
        return all(check.result is not Result.FAILED for check in self.checks)


def inspect_token(
    services: IdpServices,
    *,
    client: Client,
    text: str,
    kind: TokenKind | None = None,
    given: Given | None = None,
    now: datetime,
) -> Inspection:
    """Return what stands in the token and how each check of it ends. Call it outside any transaction.

    :param kind: what it should be; None: what it looks like.
    :raises Rejected: ``token_missing``, ``token_too_long``, ``token_malformed``.
    """
    token, given = read_token(text), given or Given()
    if token.opaque:
        standing, ours = _standing(services, client, token.text, now=now)
        return Inspection(token, TokenKind.ACCESS_TOKEN if ours else None, (), ours=ours, standing=standing)
    if token.claims is None:
        return Inspection(token, kind, ())
    kind = kind or kind_of(token.header, token.claims)
    expected = _expected(services, client, kind, given)
    checks = tuple(check_token(token, expected, now=now))
    standing, ours = None, False
    if kind is TokenKind.ACCESS_TOKEN and token.claims.get("client_id") == client.client_id:
        standing, ours = _standing(services, client, token.text, now=now)
    return Inspection(token, kind, checks, ours=ours or _names(token, client), standing=standing)


def _expected(services: IdpServices, client: Client, kind: TokenKind, given: Given) -> Expected:
    issuer = services.settings.issuer
    if kind in OF_THE_APPLICATION:
        keys = client_keys(services, client)
        # RFC 9101 §5: the issuer is the client; RFC 7523 §3 too.
        audience = (issuer, f"{issuer}/token") if kind is TokenKind.CLIENT_ASSERTION else (issuer,)
        required = kind is TokenKind.CLIENT_ASSERTION
        metadata = client.metadata
        wanted = metadata.token_endpoint_auth_signing_alg if required else metadata.request_object_signing_alg
        return Expected(
            kind=kind,
            issuer=client.client_id if required else None,
            audience=audience,
            algorithms=(wanted,) if wanted else client.policy.signature_algorithms or TOKEN_ALGORITHMS,
            types=_TYPES[kind],
            keys=keys,
            required=_REQUIRED[kind],
        )
    with services.database.reading() as session:
        keys = services.token_keys.published(session).key_set
    return Expected(
        kind=kind,
        issuer=issuer,
        audience=_audience(services, client, kind),
        algorithms=_algorithms(client, kind),
        types=_TYPES[kind],
        keys=KeySet(list(keys.keys)),
        required=_REQUIRED[kind],
        nonce=given.nonce,
        access_token=given.access_token,
        code=given.code,
    )


def _audience(services: IdpServices, client: Client, kind: TokenKind) -> tuple[str, ...]:
    if kind is not TokenKind.ACCESS_TOKEN:
        return (client.client_id,)
    own = (client.resource,) if client.resource else ()
    return (*own, *client.metadata.resources, userinfo_resource(services.settings.issuer))


def _algorithms(client: Client, kind: TokenKind) -> tuple[str, ...]:
    if kind is TokenKind.ACCESS_TOKEN:
        return ACCESS_TOKEN_ALGORITHMS
    protection: Protection | None = id_token_protection(client)
    if kind is TokenKind.AUTHORIZATION_RESPONSE:
        protection = authorization_protection(client)
    if kind is TokenKind.USERINFO:
        protection = userinfo_protection(client)
    return (protection.signed_by,) if protection and protection.signed_by else TOKEN_ALGORITHMS


def _names(token: ReadToken, client: Client) -> bool:
    """Whether the token says that it is this application's."""
    claims = token.claims or {}
    audience = claims.get("aud")
    named = [*(audience if isinstance(audience, list) else [audience]), claims.get("client_id"), claims.get("iss")]
    return client.client_id in named


def _standing(services: IdpServices, client: Client, text: str, *, now: datetime) -> tuple[str | None, bool]:
    """Return what our endpoints would say to an access token of ``client``, and whether it is one of his.

    Another application's token is as unknown as one that never was: nothing can be learnt of it or of people.
    """

    def look(session: Session) -> tuple[str | None, bool]:
        try:
            access = read_access_token(session, services, token=text, now=now)
        except BearerTokenError as error:
            return (None, False) if "." not in text else (error.reason, True)
        if access.client_id != client.client_id:
            return None, False
        try:
            require_living_access_token(session, services, access, now=now)
        except DeadFamilyError as error:
            return error.reason, True
        return "alive", True

    with services.database.reading() as session:
        return look(session)
