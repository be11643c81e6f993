"""Tokens of services that act for themselves (RFC 6749 §4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.clients.policy import CLIENT_CREDENTIALS
from idp.protocol.errors import TokenError
from idp.protocol.scope import IDENTITY_SCOPES, narrowed_scopes
from idp.services import IdpServices
from idp.tokens.access_token import ACCESS_TOKEN_LIFETIME, issue_access_token
from idp.tokens.confirmation import Confirmation
from idp.tokens.target import Target, target_for_service
from idp.tokens.token_set import TokenSet


def issue_service_token(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    scope: str | None,
    resources: Sequence[str],
    confirmation: Confirmation | None = None,
    grant_type: str = CLIENT_CREDENTIALS,
    now: datetime,
) -> TokenSet:
    """Return an access token for one API that the client registered to call. No refresh token: it asks again.

    :param resources: which API; none: the first.
    :param confirmation: the key that the request proves; the token is bound to it.
    :param grant_type: by which it asks: its own credentials, or an assertion about itself.
    :raises TokenError: ``unauthorized_client``, ``invalid_scope``, ``invalid_target``; on record.
    """
    try:
        target = service_target(session, client, grant_type, scope, resources)
    except TokenError as error:
        event = Event(
            type=EventType.TOKEN_REFUSED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            actor=client.client_id,
            client_id=client.client_id,
            details={"grant_type": grant_type},
        )
        services.journal.refuse(session, event, error, now=now)
    event = Event(
        type=EventType.TOKEN_ISSUED,
        actor=client.client_id,
        client_id=client.client_id,
        details={
            "grant_type": grant_type,
            "scopes": list(target.scopes),
            "audience": target.identifier,
        },
    )
    services.journal.record(session, event, now=now)
    token = issue_access_token(
        session,
        services,
        subject=client.client_id,
        client=client,
        audience=target.identifier,
        scopes=target.scopes,
        confirmation=confirmation,
        access_token_format=target.access_token_format,
        access_token_alg=target.access_token_alg,
        extra={},
        now=now,
    )
    return TokenSet(
        access_token=token,
        expires_in=int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        scopes=target.scopes,
        token_type=confirmation.token_type if confirmation else "Bearer",
    )


def service_target(
    session: Session, client: Client, grant_type: str, scope: str | None, resources: Sequence[str]
) -> Target:
    """Return what a service's own token would be for.

    :raises TokenError: ``unauthorized_client``, ``invalid_scope``, ``invalid_target``.
    """
    if grant_type not in client.grant_types or not client.metadata.resources:
        raise TokenError("unauthorized_client", "This client may not have such a token.")
    granted = tuple(item for item in client.scopes if item not in IDENTITY_SCOPES)
    try:
        scopes = narrowed_scopes(scope, granted=granted)
    except ValueError as error:
        raise TokenError("invalid_scope", "The scope is more than this client may ask for.") from error
    return target_for_service(session, client=client, named=resources, scopes=scopes)
