"""ID tokens: who logged in, how, when, for whom (OpenID Connect Core §2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.protocol.jose import JwtError, text_claim, verify_jwt
from idp.protocol.token_hash import left_half_hash
from idp.services import IdpServices
from idp.tokens.family import TokenFamily
from idp.tokens.jws import sign_jwt
from kernel.clock import to_timestamp

ID_TOKEN_LIFETIME = timedelta(minutes=10)
TYPE = "JWT"


@dataclass(frozen=True)
class IdTokenHint:
    """An ID token of ours that came back, expired or not: for whom it was made, about whom, in which session."""

    client_id: str
    subject: str
    sid: str | None


def issue_id_token(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    family: TokenFamily,
    access_token: str,
    nonce: str | None,
    event_id: str,
    now: datetime,
) -> tuple[str, dict[str, Any]]:
    """Return a signed ID token by the client's algorithm, and its claims.

    :param access_token: bound by ``at_hash`` (§3.1.3.6).
    :param event_id: the event that stands for this login in the evidence; becomes ``txn`` (RFC 8417 §2.2).
    """
    claims: dict[str, Any] = {
        "iss": services.settings.issuer,
        "sub": family.person_id,
        "aud": client.client_id,
        "iat": to_timestamp(now),
        "exp": to_timestamp(now + ID_TOKEN_LIFETIME),
        "auth_time": to_timestamp(family.authenticated_at),
        "acr": family.acr,
        "amr": list(family.amr),
        **({"sid": family.sid} if family.sid else {}),
        "at_hash": left_half_hash(access_token, algorithm=client.id_token_alg),
        "txn": event_id,
    }
    if nonce is not None:
        claims["nonce"] = nonce
    signer = services.token_keys.active_signer(session, client.id_token_alg)
    return sign_jwt(claims, signer=signer, typ=TYPE), claims


def read_id_token_hint(session: Session, services: IdpServices, *, token: str) -> IdTokenHint:
    """Return what an ID token of ours says, even an expired one (OpenID Connect RP-Initiated Logout §2).

    :raises JwtError: if we did not sign it, or it is no ID token.
    """
    published = services.token_keys.published(session)
    verified = verify_jwt(token, keys=published.key_set, algorithms=TOKEN_ALGORITHMS)
    if verified.header.get("typ") != TYPE:
        raise JwtError("wrong_type")
    if verified.claims.get("iss") != services.settings.issuer:
        raise JwtError("wrong_issuer")
    sid = verified.claims.get("sid")
    return IdTokenHint(
        client_id=text_claim(verified.claims, "aud"),
        subject=text_claim(verified.claims, "sub"),
        sid=sid if isinstance(sid, str) else None,
    )
