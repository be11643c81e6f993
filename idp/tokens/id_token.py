"""ID tokens: who logged in, how, when, for whom (OpenID Connect Core §2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from audit.receipt import event_of
from idp.accounts.person import find_person
from idp.clients.client import Client
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.protocol.claims_request import ID_TOKEN, names_in
from idp.protocol.jose import JwtError, text_claim, time_claim, verify_jwt
from idp.protocol.token_hash import left_half_hash
from idp.rights.claims import rights_claims
from idp.services import IdpServices
from idp.tokens.claims import person_claims
from idp.tokens.family import TokenFamily
from idp.tokens.protection import id_token_protection, protect
from idp.tokens.session_name import sid_for
from idp.tokens.subject import subject_for
from idp.tokens.verified_claims import verified_claims
from kernel.clock import to_timestamp

ID_TOKEN_LIFETIME = timedelta(minutes=10)
TYPE = "JWT"


@dataclass(frozen=True)
class IdTokenHint:
    """An ID token of ours that came back, expired or not: for whom it was made, about whom, in which session."""

    client_id: str
    subject: str
    sid: str | None
    event_id: str | None


def issue_id_token(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    family: TokenFamily,
    access_token: str | None,
    nonce: str | None,
    txn: str,
    now: datetime,
    code: str | None = None,
    state: str | None = None,
    fetchable: bool = True,
    told: bool = True,
) -> tuple[str, dict[str, Any]]:
    """Return an ID token, signed and encrypted as the client registered, and its claims.

    :param access_token: what travels beside it, bound by ``at_hash`` (§3.1.3.6).
    :param code: in a redirect, bound by ``c_hash`` (§3.3.2.11).
    :param state: of the request, in a redirect, bound by ``s_hash`` (FAPI 1.0 Advanced §5.2.2.1).
    :param fetchable: whether an access token could fetch claims about the person; if not, what the scopes open stands
        in the ID token (§5.4). What was asked for by name stands in it anyhow (§5.5).
    :param told: whether the application will read it; otherwise it is not put down that a person's rights were used.
    :param txn: the receipt of the event that stands for this login in the evidence (RFC 8417 §2.2).
    :raises TokenError: if it is to be encrypted and the client has no key for that.
    """
    claims: dict[str, Any] = {
        **_about_the_person(session, family, () if fetchable else family.scopes),
        **_about_rights(session, family, told=told, now=now),
        **verified_claims(session, person_id=family.person_id, claims=family.terms.claims, place=ID_TOKEN, now=now),
        "iss": services.settings.issuer,
        "sub": subject_for(services, client, family.person_id),
        "aud": client.client_id,
        "iat": to_timestamp(now),
        "exp": to_timestamp(now + ID_TOKEN_LIFETIME),
        "auth_time": to_timestamp(family.authenticated_at),
        "acr": family.acr,
        "amr": list(family.amr),
        **({"sid": sid_for(services, client.client_id, family.sid)} if family.sid else {}),
        "txn": txn,
    }
    for name, bound in (("at_hash", access_token), ("c_hash", code), ("s_hash", state)):
        if bound is not None:
            claims[name] = left_half_hash(bound, algorithm=client.id_token_alg)
    if nonce is not None:
        claims["nonce"] = nonce
    protection = id_token_protection(client)
    token = protect(session, services, client=client, claims=claims, typ=TYPE, protection=protection, now=now)
    return token, claims


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
    # A signed UserInfo answer has issuer, audience and subject too, but no end and no login.
    time_claim(verified.claims, "exp")
    time_claim(verified.claims, "auth_time")
    sid, txn = verified.claims.get("sid"), verified.claims.get("txn")
    return IdTokenHint(
        client_id=text_claim(verified.claims, "aud"),
        subject=text_claim(verified.claims, "sub"),
        sid=sid if isinstance(sid, str) else None,
        event_id=event_of(txn) if isinstance(txn, str) else None,
    )


def _about_rights(session: Session, family: TokenFamily, *, told: bool, now: datetime) -> dict[str, Any]:
    """Return what the person may do in the application: always here too, so that a login needs no second question."""
    return rights_claims(
        session,
        person_id=family.person_id,
        client_id=family.client_id,
        chosen=family.terms.institution,
        names={*family.scopes, *names_in(family.terms.claims, ID_TOKEN)},
        used=told,
        now=now,
    )


def _about_the_person(session: Session, family: TokenFamily, scopes: Collection[str]) -> dict[str, Any]:
    names = names_in(family.terms.claims, ID_TOKEN)
    if not scopes and not names:
        return {}
    return person_claims(find_person(session, family.person_id), scopes, names=names)
