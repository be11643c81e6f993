"""Revocation: a client gives a token up (RFC 7009)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.protocol.errors import BearerTokenError, TokenError
from idp.services import IdpServices
from idp.tokens.access_token import read_access_token, revoke_access_token
from idp.tokens.family import find_family, revoke_family
from idp.tokens.presented import find_refresh_token


def revoke_token(session: Session, *, services: IdpServices, client: Client, token: str | None, now: datetime) -> None:
    """Revoke a token of the client: a refresh token ends its family, an access token itself.

    What is unknown, expired or another client's is no error to the caller (§2.2) and changes nothing.

    :raises TokenError: ``invalid_request``.
    """
    if token is None:
        event = Event(
            type=EventType.TOKEN_REFUSED,
            outcome=Outcome.REFUSED,
            reason="no_token",
            actor=client.client_id,
            client_id=client.client_id,
        )
        missing = TokenError("invalid_request", "The token is missing.")
        services.journal.refuse(session, event, missing, now=now)
    refresh = find_refresh_token(session, token)
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


def _record_foreign(session: Session, services: IdpServices, client: Client, *, now: datetime) -> None:
    event = Event(
        type=EventType.TOKEN_REVOKED,
        outcome=Outcome.REFUSED,
        reason="other_client",
        actor=client.client_id,
        client_id=client.client_id,
    )
    services.journal.record(session, event, now=now)
