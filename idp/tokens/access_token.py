"""Access tokens: signed JWTs for one resource, minutes long (RFC 9068)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.protocol.errors import BearerTokenError
from idp.protocol.jose import JwtError, text_claim, time_claim, verify_jwt
from idp.services import IdpServices
from idp.tokens.confirmation import Confirmation
from idp.tokens.jws import sign_jwt
from idp.tokens.model import RevokedAccessTokenRow
from kernel.clock import from_timestamp, to_timestamp
from kernel.identifiers import new_secret

ACCESS_TOKEN_LIFETIME = timedelta(minutes=5)
TYPE = "at+jwt"
ALGORITHM = "ES256"


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
    now: datetime,
) -> str:
    """Return a signed access token (RFC 9068 §2.2).

    :param confirmation: the key that it is bound to, or None for a bearer token.
    :param extra: ``auth_time``, ``acr``, ``amr``, ``sid`` and ``family`` where a person stands behind it.
    """
    claims: dict[str, Any] = {
        "iss": services.settings.issuer,
        "sub": subject,
        "aud": audience,
        "client_id": client.client_id,
        "iat": to_timestamp(now),
        "exp": to_timestamp(now + ACCESS_TOKEN_LIFETIME),
        "jti": new_secret(16),
        **({"scope": " ".join(scopes)} if scopes else {}),
        **({"cnf": confirmation.to_cnf()} if confirmation else {}),
        **extra,
    }
    return sign_jwt(claims, signer=services.token_keys.active_signer(session, ALGORITHM), typ=TYPE)


def read_access_token(session: Session, services: IdpServices, *, token: str, now: datetime) -> AccessToken:
    """Return a token of ours: signature, type, issuer and time hold and it was not revoked alone.

    Audience, family and client are the caller's to check.

    :raises BearerTokenError: (``invalid_token``), with the reason for the record.
    """
    try:
        verified = verify_jwt(token, keys=services.token_keys.published(session).key_set, algorithms=(ALGORITHM,))
        # RFC 9068 §4: an ID token must not pass for an access token.
        if verified.header.get("typ") not in (TYPE, f"application/{TYPE}"):
            raise JwtError("wrong_type")
        claims = verified.claims
        if claims.get("iss") != services.settings.issuer:
            raise JwtError("wrong_issuer")
        read = AccessToken(
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
    except JwtError as error:
        raise BearerTokenError(error.reason) from error
    if read.expires_at <= now:
        raise BearerTokenError("expired")
    if session.scalar(select(RevokedAccessTokenRow.jti).where(RevokedAccessTokenRow.jti == read.jti)):
        raise BearerTokenError("revoked")
    return read


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
