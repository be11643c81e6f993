"""Introspection: a token as its issuer sees it now (RFC 7662)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.protocol.errors import BearerTokenError, TokenError
from idp.rights.claims import rights_claims
from idp.services import IdpServices
from idp.tokens.access_token import AccessToken, read_access_token
from idp.tokens.family import DeadFamilyError, TokenFamily, require_living_family
from idp.tokens.presented import PresentedRefreshToken, find_refresh_token, require_living_access_token
from idp.tokens.subject import subject_for
from idp.tokens.target import userinfo_resource
from kernel.clock import to_timestamp

_INACTIVE: dict[str, Any] = {"active": False}


def introspect_token(
    session: Session, *, services: IdpServices, client: Client, token: str | None, now: datetime
) -> dict[str, Any]:
    """Return the introspection response. Whatever is not alive, or not this client's business, is just inactive.

    A token is a client's business if it was issued to it or is aimed at the API that it is (§4: no scanning).

    :raises TokenError: ``invalid_request``; ``unauthorized_client`` for a public client, which cannot prove itself.
    """
    if client.is_public:
        _refuse(session, services, client, "public_client", "unauthorized_client", now=now)
    if token is None:
        _refuse(session, services, client, "no_token", "invalid_request", now=now)
    response, family = _look_at(session, services, client, token, now=now)
    event = Event(
        type=EventType.TOKEN_INTROSPECTED,
        actor=client.client_id,
        client_id=client.client_id,
        subject=family.person_id if family else None,
        object_id=family.id if family else None,
        details={"active": bool(response["active"])},
    )
    services.journal.record(session, event, now=now)
    return response


def _look_at(
    session: Session, services: IdpServices, client: Client, token: str, *, now: datetime
) -> tuple[dict[str, Any], TokenFamily | None]:
    refresh = find_refresh_token(session, token)
    if refresh is not None:
        return _look_at_refresh_token(session, services, client, refresh, now=now)
    try:
        access = read_access_token(session, services, token=token, now=now)
        if client.client_id != access.client_id and (client.resource is None or access.audience != client.resource):
            return _INACTIVE, None
        family = require_living_access_token(session, services, access, now=now)
    except (BearerTokenError, DeadFamilyError):
        return _INACTIVE, None
    return told_of_access_token(session, services, client, access, family, now=now), family


def told_of_access_token(
    session: Session,
    services: IdpServices,
    client: Client,
    access: AccessToken,
    family: TokenFamily | None,
    *,
    now: datetime,
) -> dict[str, Any]:
    """Return what ``client`` is told of a living access token that is its business."""
    response: dict[str, Any] = {
        "active": True,
        "token_type": access.confirmation.token_type if access.confirmation else "Bearer",
        "iss": services.settings.issuer,
        "sub": access.subject,
        "aud": access.audience,
        "client_id": access.client_id,
        "jti": access.jti,
        "iat": to_timestamp(access.issued_at),
        "exp": to_timestamp(access.expires_at),
    }
    if access.confirmation:
        # RFC 9449 §6.2, RFC 8705 §3.2: the API checks the key.
        response["cnf"] = access.confirmation.to_cnf()
    if access.scopes:
        response["scope"] = " ".join(access.scopes)
    # RFC 9470 §6.2, RFC 9068 §2.2.1, RFC 9396 §9.2; RFC 8693 §4.1: who acts for the person.
    told = ("acr", "auth_time", "amr", "act", "authorization_details")
    response |= {name: access.claims[name] for name in told if name in access.claims}
    if family is not None:
        # As they are now, of the application that asks: another one's rights are not its business.
        response |= rights_claims(
            session,
            person_id=family.person_id,
            client_id=client.client_id,
            chosen=family.terms.institution,
            names=access.scopes if client.client_id == access.client_id else family.scopes,
            now=now,
        )
    return response


def _look_at_refresh_token(
    session: Session, services: IdpServices, client: Client, refresh: PresentedRefreshToken, *, now: datetime
) -> tuple[dict[str, Any], TokenFamily | None]:
    family = refresh.family
    if refresh.used or refresh.expires_at <= now or family.client_id != client.client_id:
        return _INACTIVE, None
    try:
        require_living_family(session, family, certificates=services.certificates, client=client, now=now)
    except DeadFamilyError:
        return _INACTIVE, None
    return {
        "active": True,
        "iss": services.settings.issuer,
        "sub": subject_for(services, client, family.person_id),
        "aud": [*family.terms.resources, userinfo_resource(services.settings.issuer)],
        "client_id": family.client_id,
        "scope": " ".join(family.scopes),
        "iat": to_timestamp(refresh.issued_at),
        "exp": to_timestamp(refresh.expires_at),
    }, family


def _refuse(
    session: Session, services: IdpServices, client: Client, reason: str, code: str, *, now: datetime
) -> NoReturn:
    event = Event(
        type=EventType.TOKEN_INTROSPECTED if reason == "public_client" else EventType.TOKEN_REFUSED,
        outcome=Outcome.REFUSED,
        reason=reason,
        actor=client.client_id,
        client_id=client.client_id,
    )
    text = "The token is missing." if reason == "no_token" else "Only a confidential client may ask."
    services.journal.refuse(session, event, TokenError(code, text), now=now)
