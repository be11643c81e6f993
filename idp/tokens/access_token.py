"""Access tokens for one resource, minutes long: signed JWTs (RFC 9068), or opaque ones that say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.protocol.algorithms import ACCESS_TOKEN_ALGORITHMS
from idp.protocol.errors import BearerTokenError
from idp.protocol.jose import JwtError, text_claim, time_claim, verify_jwt
from idp.services import IdpServices
from idp.tokens.confirmation import Confirmation
from idp.tokens.jws import read_own_jwt, sign_jwt
from idp.tokens.key_ring import ACCESS_TOKEN_TYPE
from idp.tokens.model import RevokedAccessTokenRow
from idp.tokens.opaque import FORMAT as OPAQUE
from idp.tokens.opaque import find_opaque_token, keep_opaque_token
from kernel.clock import MOST_SKEW, from_timestamp, to_timestamp
from kernel.identifiers import new_nonce
from kernel.prefetch import find_row

ACCESS_TOKEN_LIFETIME = timedelta(minutes=5)
TYPE = ACCESS_TOKEN_TYPE


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """A verified access token.

    :ivar family_id: the token family, or None for a service's own token.
    :ivar subject: the person's id, or the ``client_id`` of a service.
    """

    jti: str
    subject: str
    client_id: str
    audience: str
    scopes: tuple[str, ...]
    family_id: str | None
    issued_at: datetime
    expires_at: datetime
    confirmation: Confirmation | None
    claims: Mapping[str, Any]


def issue_access_token(
    session: Session,
    services: IdpServices,
    *,
    subject: str,
    client: Client,
    audience: str,
    scopes: Sequence[str],
    confirmation: Confirmation | None,
    extra: Mapping[str, Any],
    expires_at: datetime | None = None,
    access_token_format: str = "jwt",
    access_token_alg: str = ACCESS_TOKEN_ALGORITHMS[0],
    now: datetime,
) -> str:
    """Return an access token (RFC 9068 §2.2).

    :param subject: the person as the client knows him, or the client itself.
    :param expires_at: where it is to end earlier than usual.
    :param access_token_format: ``jwt`` or ``opaque``.
    :param access_token_alg: what a JWT is signed by.
    :param confirmation: the key that it is bound to, or None for a bearer token.
    :param extra: ``auth_time``, ``acr``, ``amr``, ``sid`` and ``family`` where a person stands behind it.
    """
    ends_at = min(expires_at or now + ACCESS_TOKEN_LIFETIME, now + ACCESS_TOKEN_LIFETIME)
    claims: dict[str, Any] = {
        "iss": services.settings.issuer,
        "sub": subject,
        "aud": audience,
        "client_id": client.client_id,
        "iat": to_timestamp(now),
        "exp": to_timestamp(ends_at),
        "jti": new_nonce(),
        **({"scope": " ".join(scopes)} if scopes else {}),
        **({"cnf": confirmation.to_cnf()} if confirmation else {}),
        **extra,
    }
    if access_token_format == OPAQUE:
        return keep_opaque_token(session, claims, expires_at=ends_at)
    return sign_jwt(claims, signer=services.token_keys.active_signer(session, access_token_alg), typ=TYPE)


def read_access_token(session: Session, services: IdpServices, *, token: str, now: datetime) -> AccessToken:
    """Return a token of ours: signature or digest, type, issuer and time hold and it was not revoked alone.

    Audience, family and client are the caller's to check.

    :raises BearerTokenError: (``invalid_token``), with the reason for the record.
    """
    try:
        claims = _signed(session, services, token) if "." in token else _kept(session, token)
        if claims.get("iss") != services.settings.issuer:
            raise JwtError("wrong_issuer")
        read = access_token_of(claims)
    except JwtError as error:
        raise BearerTokenError(error.reason) from error
    if read.expires_at <= now:
        raise BearerTokenError("expired")
    if read.issued_at > now + MOST_SKEW:
        raise BearerTokenError("not_yet_valid")
    if find_row(session, RevokedAccessTokenRow, read.jti, anew=True) is not None:
        raise BearerTokenError("revoked")
    return read


def access_token_of(claims: Mapping[str, Any]) -> AccessToken:
    """Return what the claims of an access token say. :raises JwtError: if they are not those of one."""
    return AccessToken(
        jti=text_claim(claims, "jti", limit=64),
        subject=text_claim(claims, "sub"),
        client_id=text_claim(claims, "client_id"),
        audience=text_claim(claims, "aud"),
        scopes=tuple(str(claims.get("scope", "")).split()),
        family_id=claims.get("family"),
        issued_at=from_timestamp(time_claim(claims, "iat")),
        expires_at=from_timestamp(time_claim(claims, "exp")),
        confirmation=Confirmation.from_cnf(claims.get("cnf")),
        claims=claims,
    )


def _signed(session: Session, services: IdpServices, token: str) -> Mapping[str, Any]:
    published = services.token_keys.published(session)
    known = published.verified.find(token)
    if known is not None:
        return known
    own = read_own_jwt(token, keys=published.access_token_keys)
    if own is not None:
        published.verified.remember(token, own)
        return own
    verified = verify_jwt(token, keys=published.key_set, algorithms=ACCESS_TOKEN_ALGORITHMS)
    # RFC 9068 §4: an ID token must not pass for an access token.
    if verified.header.get("typ") not in (TYPE, f"application/{TYPE}"):
        raise JwtError("wrong_type")
    return verified.claims


def _kept(session: Session, token: str) -> Mapping[str, Any]:
    claims = find_opaque_token(session, token)
    if claims is None:
        raise JwtError("unknown")
    return claims


def revoke_access_token(session: Session, *, token: AccessToken) -> None:
    """Refuse this one token from now on; its family lives on."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(
        insert(RevokedAccessTokenRow).values(jti=token.jti, expires_at=token.expires_at).on_conflict_do_nothing()
    )


def purge_revoked_access_tokens(session: Session, *, now: datetime) -> int:
    """Forget revocations of tokens that have expired anyway; return how many."""
    gone = session.execute(
        delete(RevokedAccessTokenRow)
        .where(RevokedAccessTokenRow.expires_at <= now)
        .returning(RevokedAccessTokenRow.jti)
    )
    return len(gone.all())
