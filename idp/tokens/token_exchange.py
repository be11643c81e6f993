"""Exchanging a person's token for one at the next API, by the service that it was aimed at (RFC 8693).

What the person allowed is the first application and the first API. Whoever hands on was registered for it by an
operator, is named in the token, and everything ends with the person's own authorization.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.clients.policy import TOKEN_EXCHANGE
from idp.protocol.errors import BearerTokenError, TokenError
from idp.protocol.parameters import Parameters
from idp.protocol.scope import IDENTITY_SCOPES, narrowed_scopes
from idp.protocol.token_exchange import (
    ACCESS_TOKEN,
    ExchangeRequest,
    actors_of,
    extended_chain,
    read_exchange_request,
)
from idp.services import IdpServices
from idp.tokens.access_token import ACCESS_TOKEN_LIFETIME, AccessToken, issue_access_token, read_access_token
from idp.tokens.confirmation import Confirmation
from idp.tokens.family import DeadFamilyError, TokenFamily
from idp.tokens.presented import require_living_access_token
from idp.tokens.subject import subject_for
from idp.tokens.target import target_for_service
from idp.tokens.token_set import TokenSet
from kernel.clock import to_timestamp


@dataclass(frozen=True)
class _SubjectToken:
    access: AccessToken
    family: TokenFamily


class _RefusedError(Exception):
    """Why not: the error for the client, the reason for the record."""

    def __init__(self, reason: str, error: TokenError, subject: _SubjectToken | None = None) -> None:
        super().__init__(reason)
        self.reason, self.error, self.subject = reason, error, subject


def exchange_token(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    form: Parameters,
    confirmation: Confirmation | None = None,
    now: datetime,
) -> TokenSet:
    """Return an access token for the next API, by which ``client`` acts for the person of the subject token.

    :param client: authenticated; the subject token must be aimed at the API that it is, and it must have registered
        the grant and the next API.
    :param confirmation: the key that the request proves; the token is bound to it.
    :raises TokenError: ``unauthorized_client``; ``invalid_request`` for a token that is dead, another API's or not a
        person's (§2.2.2); ``invalid_target``, ``invalid_scope``. On record.
    """
    try:
        return _exchange(session, services, client, form, confirmation, now=now)
    except _RefusedError as refused:
        subject = refused.subject
        event = Event(
            type=EventType.TOKEN_REFUSED,
            outcome=Outcome.REFUSED,
            reason=refused.reason[:64],
            subject=subject.family.person_id if subject else None,
            actor=client.client_id,
            client_id=client.client_id,
            object_id=subject.family.id if subject else None,
            details={"grant_type": TOKEN_EXCHANGE},
        )
        services.journal.refuse(session, event, refused.error, now=now)


def _exchange(
    session: Session,
    services: IdpServices,
    client: Client,
    form: Parameters,
    confirmation: Confirmation | None,
    *,
    now: datetime,
) -> TokenSet:
    if TOKEN_EXCHANGE not in client.grant_types or client.resource is None or not client.metadata.resources:
        error = TokenError("unauthorized_client", "This client may not exchange tokens.")
        raise _RefusedError("grant_not_registered", error)
    try:
        request = read_exchange_request(form)
    except TokenError as error:
        raise _RefusedError("bad_request", error) from error
    subject = _subject_token(session, services, client, request.subject_token, now=now)
    if request.actor_token is not None:
        _require_own_token(session, services, client, request.actor_token, now=now)
    return _issue(session, services, client, request, subject, confirmation, now=now)


def _issue(
    session: Session,
    services: IdpServices,
    client: Client,
    request: ExchangeRequest,
    subject: _SubjectToken,
    confirmation: Confirmation | None,
    *,
    now: datetime,
) -> TokenSet:
    access, family = subject.access, subject.family
    try:
        act = extended_chain(access.claims.get("act"), actor=client.client_id)
        granted = [item for item in access.scopes if item in client.scopes and item not in IDENTITY_SCOPES]
        scopes = narrowed_scopes(request.scope, granted=granted)
        target = target_for_service(session, client=client, named=request.targets, scopes=scopes)
    except ValueError as error:
        wider = TokenError("invalid_scope", "The scope is more than the token had, or than this client may hand on.")
        raise _RefusedError("scope_not_granted", wider, subject) from error
    except TokenError as error:
        raise _RefusedError(error.code, error, subject) from error
    ends_at = min(now + ACCESS_TOKEN_LIFETIME, family.expires_at)
    event = Event(
        type=EventType.TOKEN_EXCHANGED,
        subject=family.person_id,
        actor=client.client_id,
        client_id=client.client_id,
        session_id=family.sid,
        object_id=family.id,
        details={
            "scopes": list(target.scopes),
            "audience": target.identifier,
            # To whom the person said yes, and through whose hands it went since, the last one first.
            "allowed_client": family.client_id,
            "actors": list(actors_of(act)),
            "subject_token": access.jti,
        },
    )
    services.journal.record(session, event, now=now)
    token = issue_access_token(
        session,
        services,
        subject=subject_for(services, client, family.person_id),
        client=client,
        audience=target.identifier,
        scopes=target.scopes,
        confirmation=confirmation,
        extra={
            "auth_time": to_timestamp(family.authenticated_at),
            "acr": family.acr,
            "amr": list(family.amr),
            "family": family.id,
            "act": act,
        },
        expires_at=ends_at,
        access_token_format=target.access_token_format,
        access_token_alg=target.access_token_alg,
        now=now,
    )
    return TokenSet(
        access_token=token,
        expires_in=int((ends_at - now).total_seconds()),
        scopes=target.scopes,
        token_type=confirmation.token_type if confirmation else "Bearer",
        issued_token_type=ACCESS_TOKEN,
    )


def _subject_token(
    session: Session, services: IdpServices, client: Client, token: str, *, now: datetime
) -> _SubjectToken:
    refusal = TokenError("invalid_request", "The subject_token is not valid here.")
    try:
        access = read_access_token(session, services, token=token, now=now)
        family = require_living_access_token(session, services, access, now=now)
    except (BearerTokenError, DeadFamilyError) as error:
        raise _RefusedError(f"subject_{error.reason}", refusal) from error
    # A service that acts for itself asks for a token of its own.
    if family is None:
        raise _RefusedError("subject_is_no_person", refusal)
    if access.audience != client.resource:
        raise _RefusedError("subject_of_another_api", refusal, _SubjectToken(access, family))
    return _SubjectToken(access, family)


def _require_own_token(session: Session, services: IdpServices, client: Client, token: str, *, now: datetime) -> None:
    """Check the actor token (§2.1): the client may show who it is, which it has proven already; nobody else acts."""
    refusal = TokenError("invalid_request", "The actor_token is not this client's own.")
    try:
        access = read_access_token(session, services, token=token, now=now)
        family = require_living_access_token(session, services, access, now=now)
    except (BearerTokenError, DeadFamilyError) as error:
        raise _RefusedError(f"actor_{error.reason}", refusal) from error
    if family is not None or access.client_id != client.client_id:
        raise _RefusedError("actor_is_another", refusal)
