"""Tokens of services that act for themselves (RFC 6749 §4.4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.protocol.errors import TokenError
from idp.protocol.scope import IDENTITY_SCOPES, narrowed_scopes
from idp.services import IdpServices
from idp.tokens.access_token import ACCESS_TOKEN_LIFETIME, issue_access_token
from idp.tokens.token_set import TokenSet


def issue_service_token(
    session: Session, *, services: IdpServices, client: Client, scope: str | None, now: datetime
) -> TokenSet:
    """Return an access token for the one API that the client registered to call. No refresh token: it asks again.

    :raises TokenError: ``unauthorized_client``, ``invalid_scope``; on record.
    """
    granted = tuple(item for item in client.scopes if item not in IDENTITY_SCOPES)
    code = None
    scopes: tuple[str, ...] = ()
    audience = next(iter(client.metadata.resources), None)
    if "client_credentials" not in client.grant_types or audience is None:
        code = "unauthorized_client"
    else:
        try:
            scopes = narrowed_scopes(scope, granted=granted)
        except ValueError:
            code = "invalid_scope"
    details: dict[str, str | int | bool | list[str] | None] = {"grant_type": "client_credentials"}
    if code is not None or audience is None:
        event = Event(
            type=EventType.TOKEN_REFUSED,
            outcome=Outcome.REFUSED,
            reason=code,
            actor=client.client_id,
            client_id=client.client_id,
            details=details,
        )
        error = TokenError(code or "unauthorized_client", "This client may not have such a token.")
        services.journal.refuse(session, event, error, now=now)
    event = Event(
        type=EventType.TOKEN_ISSUED,
        actor=client.client_id,
        client_id=client.client_id,
        details={**details, "scopes": list(scopes), "audience": audience},
    )
    services.journal.record(session, event, now=now)
    token = issue_access_token(
        session,
        services,
        subject=client.client_id,
        client=client,
        audience=audience,
        scopes=scopes,
        confirmation=None,
        extra={},
        now=now,
    )
    return TokenSet(access_token=token, expires_in=int(ACCESS_TOKEN_LIFETIME.total_seconds()), scopes=scopes)
