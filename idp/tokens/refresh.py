"""Refreshing: each refresh token works once, and a second use ends its whole family (RFC 9700 §4.14.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.protocol.errors import TokenError
from idp.protocol.scope import narrowed_scopes
from idp.services import IdpServices
from idp.tokens.family import (
    DeadFamilyError,
    TokenFamily,
    family_value,
    find_family,
    require_living_family,
    revoke_family,
)
from idp.tokens.model import RefreshTokenRow, TokenFamilyRow
from idp.tokens.target import Target, target_for_person
from idp.tokens.token_set import TokenSet, issue_token_set
from kernel.identifiers import sha256_hex


def refresh_tokens(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    refresh_token: str | None,
    scope: str | None,
    resources: Sequence[str],
    now: datetime,
) -> TokenSet:
    """Return new tokens for a refresh token, which is used up.

    :param scope: fewer scopes for the access token, or None for all (RFC 6749 §6).
    :param resources: the API that the access token is for; none: the first that was granted.
    :raises TokenError: ``invalid_request``, ``unauthorized_client``, ``invalid_grant``, ``invalid_scope``,
        ``invalid_target``; on record. A request for the wrong scope or API does not use the refresh token up.
    """
    if refresh_token is None:
        _refuse(session, services, client, None, "no_token", "invalid_request", now=now)
    if "refresh_token" not in client.grant_types:
        _refuse(session, services, client, None, "grant_not_registered", "unauthorized_client", now=now)
    digest = sha256_hex(refresh_token)
    target = _narrow(session, services, client, digest, scope, resources, now=now)
    # Exactly one caller wins this statement, whoever else presents the same token at the same moment.
    family_id = session.execute(
        update(RefreshTokenRow)
        .where(
            RefreshTokenRow.token_sha256 == digest,
            RefreshTokenRow.used_at.is_(None),
            RefreshTokenRow.expires_at > now,
            RefreshTokenRow.family_id.in_(
                select(TokenFamilyRow.id).where(TokenFamilyRow.client_id == client.client_id)
            ),
        )
        .values(used_at=now)
        .returning(RefreshTokenRow.family_id)
    ).scalar_one_or_none()
    if family_id is None or target is None:
        _explain(session, services, client, digest, now=now)
    family = find_family(session, family_id)
    assert family is not None
    try:
        require_living_family(session, family, client=client, now=now)
    except DeadFamilyError as error:
        _refuse(session, services, client, family, error.reason, "invalid_grant", now=now)
    event = Event(
        type=EventType.TOKEN_REFRESHED,
        subject=family.person_id,
        actor=client.client_id,
        client_id=client.client_id,
        session_id=family.sid,
        object_id=family.id,
        details={"scopes": list(target.scopes), "audience": target.identifier},
    )
    event_id = services.journal.record(session, event, now=now)
    return issue_token_set(
        session, services, client=client, family=family, target=target, nonce=None, event_id=event_id, now=now
    )


def _narrow(
    session: Session,
    services: IdpServices,
    client: Client,
    digest: str,
    scope: str | None,
    resources: Sequence[str],
    *,
    now: datetime,
) -> Target | None:
    """Return what the new access token is for, or None for an unknown refresh token.

    Decided before the token is used up, so that a wrong request costs none.
    """
    row = session.execute(
        select(TokenFamilyRow)
        .join(RefreshTokenRow, RefreshTokenRow.family_id == TokenFamilyRow.id)
        .where(RefreshTokenRow.token_sha256 == digest, TokenFamilyRow.client_id == client.client_id)
    ).scalar_one_or_none()
    if row is None:
        return None
    family = family_value(row)
    try:
        scopes = narrowed_scopes(scope, granted=family.scopes)
        return target_for_person(session, services, client=client, family=family, named=resources, scopes=scopes)
    except ValueError:
        _refuse(session, services, client, family, "scope_not_granted", "invalid_scope", now=now)
    except TokenError as error:
        _refuse(session, services, client, family, error.code, error.code, now=now)


def _explain(session: Session, services: IdpServices, client: Client, digest: str, *, now: datetime) -> NoReturn:
    row = session.get(RefreshTokenRow, digest, populate_existing=True)
    if row is None:
        _refuse(session, services, client, None, "unknown_token", "invalid_grant", now=now)
    family = find_family(session, row.family_id)
    if row.used_at is not None and family is not None:
        # Either the application or a thief has it twice; nobody can tell which, so neither goes on.
        revoke_family(session, journal=services.journal, family_id=family.id, reason="refresh_token_reused", now=now)
        _refuse(session, services, client, family, "reused", "invalid_grant", now=now, kind=EventType.TOKEN_REUSED)
    reason = "expired" if family and family.client_id == client.client_id else "other_client"
    _refuse(session, services, client, family, reason, "invalid_grant", now=now)


def _refuse(
    session: Session,
    services: IdpServices,
    client: Client,
    family: TokenFamily | None,
    reason: str,
    code: str,
    *,
    now: datetime,
    kind: EventType = EventType.TOKEN_REFUSED,
) -> NoReturn:
    event = Event(
        type=kind,
        outcome=Outcome.REFUSED,
        reason=reason,
        subject=family.person_id if family else None,
        actor=client.client_id,
        client_id=client.client_id,
        session_id=family.sid if family else None,
        object_id=family.id if family else None,
        details={"grant_type": "refresh_token"},
    )
    texts = {
        "invalid_request": "The refresh_token is missing.",
        "unauthorized_client": "This client did not register the grant type refresh_token.",
        "invalid_scope": "The scope is more than was granted.",
        "invalid_target": "The resource is not one that was granted.",
    }
    services.journal.refuse(
        session, event, TokenError(code, texts.get(code, "The refresh token is not valid.")), now=now
    )
