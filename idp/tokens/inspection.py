"""Introspection and revocation: a token as its issuer sees it now (RFC 7662, RFC 7009)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client, find_client
from idp.protocol.errors import BearerTokenError, TokenError
from idp.services import IdpServices
from idp.tokens.access_token import AccessToken, read_access_token, revoke_access_token, userinfo_resource
from idp.tokens.family import DeadFamilyError, TokenFamily, find_family, require_living_family, revoke_family
from idp.tokens.model import RefreshTokenRow
from kernel.clock import to_timestamp
from kernel.errors import NotFound
from kernel.identifiers import sha256_hex

_INACTIVE: dict[str, Any] = {"active": False}


@dataclass(frozen=True)
class _RefreshToken:
    family: TokenFamily
    expires_at: datetime
    issued_at: datetime
    used: bool


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


def revoke_token(session: Session, *, services: IdpServices, client: Client, token: str | None, now: datetime) -> None:
    """Revoke a token of the client: a refresh token ends its family, an access token itself.

    What is unknown, expired or another client's is no error to the caller (§2.2) and changes nothing.

    :raises TokenError: ``invalid_request``.
    """
    if token is None:
        _refuse(session, services, client, "no_token", "invalid_request", now=now)
    refresh = _find_refresh_token(session, token)
    if refresh is not None:
        if refresh.family.client_id != client.client_id:
            _record_foreign(session, services, client, now=now)
            return
        revoke_family(
            session,
            journal=services.journal,
            family_id=refresh.family.id,
            reason="revoked_by_client",
            actor=client.client_id,
            now=now,
        )
        return
    try:
        access = read_access_token(session, services, token=token, now=now)
    except BearerTokenError:
        return
    if access.client_id != client.client_id:
        _record_foreign(session, services, client, now=now)
        return
    revoke_access_token(session, token=access)
    family = find_family(session, access.family_id) if access.family_id else None
    event = Event(
        type=EventType.TOKEN_REVOKED,
        subject=family.person_id if family else None,
        actor=client.client_id,
        client_id=client.client_id,
        object_id=access.jti,
        details={"reason": "revoked_by_client"},
    )
    services.journal.record(session, event, now=now)


def require_living_access_token(
    session: Session, services: IdpServices, access: AccessToken, *, now: datetime
) -> TokenFamily | None:
    """Return the token's family after checking all that it rests on; None for a service's own token.

    :raises DeadFamilyError: with the reason.
    """
    try:
        issued_to = find_client(session, access.client_id)
    except NotFound as error:
        raise DeadFamilyError("unknown_client") from error
    if access.family_id is None:
        if not issued_to.active:
            raise DeadFamilyError("client_disabled")
        return None
    family = find_family(session, access.family_id)
    if family is None:
        raise DeadFamilyError("unknown_family")
    require_living_family(session, family, client=issued_to, now=now)
    return family


def _look_at(
    session: Session, services: IdpServices, client: Client, token: str, *, now: datetime
) -> tuple[dict[str, Any], TokenFamily | None]:
    refresh = _find_refresh_token(session, token)
    if refresh is not None:
        return _look_at_refresh_token(session, services, client, refresh, now=now)
    try:
        access = read_access_token(session, services, token=token, now=now)
        if client.client_id != access.client_id and (client.resource is None or access.audience != client.resource):
            return _INACTIVE, None
        family = require_living_access_token(session, services, access, now=now)
    except (BearerTokenError, DeadFamilyError):
        return _INACTIVE, None
    response: dict[str, Any] = {
        "active": True,
        "token_type": "Bearer",
        "iss": services.settings.issuer,
        "sub": access.subject,
        "aud": access.audience,
        "client_id": access.client_id,
        "jti": access.jti,
        "iat": to_timestamp(access.issued_at),
        "exp": to_timestamp(access.expires_at),
    }
    if access.scopes:
        response["scope"] = " ".join(access.scopes)
    # RFC 9470 §6.2.
    response |= {name: access.claims[name] for name in ("acr", "auth_time") if name in access.claims}
    return response, family


def _look_at_refresh_token(
    session: Session, services: IdpServices, client: Client, refresh: _RefreshToken, *, now: datetime
) -> tuple[dict[str, Any], TokenFamily | None]:
    family = refresh.family
    if refresh.used or refresh.expires_at <= now or family.client_id != client.client_id:
        return _INACTIVE, None
    try:
        require_living_family(session, family, client=client, now=now)
    except DeadFamilyError:
        return _INACTIVE, None
    return {
        "active": True,
        "iss": services.settings.issuer,
        "sub": family.person_id,
        "aud": userinfo_resource(services.settings.issuer),
        "client_id": family.client_id,
        "scope": " ".join(family.scopes),
        "iat": to_timestamp(refresh.issued_at),
        "exp": to_timestamp(refresh.expires_at),
    }, family


def _find_refresh_token(session: Session, token: str) -> _RefreshToken | None:
    row = session.get(RefreshTokenRow, sha256_hex(token), populate_existing=True)
    family = find_family(session, row.family_id) if row else None
    if row is None or family is None:
        return None
    return _RefreshToken(family, row.expires_at, row.created_at, row.used_at is not None)


def _record_foreign(session: Session, services: IdpServices, client: Client, *, now: datetime) -> None:
    event = Event(
        type=EventType.TOKEN_REVOKED,
        outcome=Outcome.REFUSED,
        reason="other_client",
        actor=client.client_id,
        client_id=client.client_id,
    )
    services.journal.record(session, event, now=now)


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
