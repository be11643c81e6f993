"""Refreshing: each refresh token works once, and a second use ends its whole family (RFC 9700 §4.14.2).

Two exceptions, both for clients that prove a key: one whose policy keeps its refresh token, because FAPI 2.0 §5.3.2.1
has it bound instead, and one that repeats a request at once because the answer was lost (see ``_is_retry``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.protocol.errors import TokenError
from idp.protocol.scope import narrowed_scopes
from idp.services import IdpServices
from idp.tokens.binding import require_same_sender
from idp.tokens.confirmation import Confirmation
from idp.tokens.family import (
    DeadFamilyError,
    TokenFamily,
    find_family,
    require_living_family,
    revoke_family,
)
from idp.tokens.model import RefreshTokenRow
from idp.tokens.target import Target, target_for_person
from idp.tokens.token_set import REFRESH_IDLE_LIFETIME, TokenSet, issue_token_set
from kernel.identifiers import sha256_hex
from kernel.late_rows import change_row
from kernel.prefetch import hold_row

# A lost answer is asked for again within seconds; libraries that retry do so after one to five.
RETRY_GRACE = timedelta(seconds=10)


def refresh_tokens(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    refresh_token: str | None,
    scope: str | None,
    resources: Sequence[str],
    authorization_details: str | None = None,
    confirmation: Confirmation | None = None,
    now: datetime,
) -> TokenSet:
    """Return new tokens for a refresh token, which is used up unless the client's policy keeps one.

    :param scope: fewer scopes for the access token, or None for all (RFC 6749 §6).
    :param resources: the API that the access token is for; none: the first that was granted.
    :param authorization_details: a part of what was granted in detail; None for all of it (RFC 9396 §6).
    :param confirmation: the key that the request proves; the new access token is bound to it.
    :raises TokenError: ``invalid_request``, ``unauthorized_client``, ``invalid_grant``, ``invalid_scope``,
        ``invalid_target``; on record. A request for the wrong scope or API, or with another key, does not use the
        refresh token up.
    """
    if refresh_token is None:
        _refuse(session, services, client, None, "no_token", "invalid_request", now=now)
    if "refresh_token" not in client.grant_types:
        _refuse(session, services, client, None, "grant_not_registered", "unauthorized_client", now=now)
    # Locked from here to the end of the transaction: of any number who present it at once, one finds it unused.
    row = hold_row(session, RefreshTokenRow, sha256_hex(refresh_token))
    family = find_family(session, row.family_id) if row else None
    if row is None or family is None:
        _refuse(session, services, client, None, "unknown_token", "invalid_grant", now=now)
    if family.client_id != client.client_id:
        _end(session, services, client, row, family, "other_client", now=now)
    target = _narrow(session, services, client, family, scope, resources, authorization_details, now=now)
    try:
        if row.used_at is None:
            require_same_sender(family, client=client, confirmation=confirmation)
        retried = _use(session, services, client, row, confirmation, family=family, now=now)
        require_living_family(session, family, certificates=services.certificates, client=client, now=now)
    except DeadFamilyError as error:
        _refuse(session, services, client, family, error.reason, "invalid_grant", now=now)
    event = Event(
        type=EventType.TOKEN_REFRESHED,
        subject=family.person_id,
        actor=client.client_id,
        client_id=client.client_id,
        session_id=family.sid,
        object_id=family.id,
        details={
            "scopes": list(target.scopes),
            "audience": target.identifier,
            **({"retried": True} if retried else {}),
        },
    )
    txn = services.journal.record_with_receipt(session, event, now=now)
    return issue_token_set(
        session,
        services,
        client=client,
        family=family,
        target=target,
        confirmation=confirmation,
        kept_refresh_token=None if client.policy.rotates_refresh_tokens else refresh_token,
        nonce=None,
        txn=txn,
        now=now,
    )


def _use(
    session: Session,
    services: IdpServices,
    client: Client,
    row: RefreshTokenRow,
    confirmation: Confirmation | None,
    *,
    family: TokenFamily,
    now: datetime,
) -> bool:
    """Use the token up, or keep alive one that does not change; tell whether this repeats the use of a moment ago."""
    if _is_retry(row, confirmation, now=now):
        return True
    if row.used_at is not None or row.expires_at <= now:
        _end(session, services, client, row, family, "expired", now=now)
    if client.policy.rotates_refresh_tokens:
        used_by = confirmation.thumbprint if confirmation else None
        change_row(session, RefreshTokenRow, row, used_at=now, used_by=used_by)
    else:
        expires_at = min(now + REFRESH_IDLE_LIFETIME, family.expires_at)
        change_row(session, RefreshTokenRow, row, expires_at=expires_at)
    return False


def _is_retry(row: RefreshTokenRow, confirmation: Confirmation | None, *, now: datetime) -> bool:
    """Tell whether this is the same client again, whose first answer was lost on the way.

    Only where both uses prove one key. What the first answer carried stays good beside what this one carries: both are
    worth nothing without that key, so whoever else got hold of the old token has gained nothing by either. A second use
    without a key, with another key or later is what it always was: a sign of theft.
    """
    return (
        row.used_at is not None
        and now - row.used_at <= RETRY_GRACE
        and confirmation is not None
        and row.used_by == confirmation.thumbprint
    )


def _narrow(
    session: Session,
    services: IdpServices,
    client: Client,
    family: TokenFamily,
    scope: str | None,
    resources: Sequence[str],
    details: str | None,
    *,
    now: datetime,
) -> Target:
    """Return what the new access token is for; decided before the token is used up, so a wrong request costs none."""
    try:
        scopes = narrowed_scopes(scope, granted=family.scopes)
        return target_for_person(
            session, services, client=client, family=family, named=resources, scopes=scopes, details=details
        )
    except ValueError:
        _refuse(session, services, client, family, "scope_not_granted", "invalid_scope", now=now)
    except TokenError as error:
        _refuse(session, services, client, family, error.code, error.code, now=now)


def _end(
    session: Session,
    services: IdpServices,
    client: Client,
    row: RefreshTokenRow,
    family: TokenFamily,
    reason: str,
    *,
    now: datetime,
) -> NoReturn:
    if row.used_at is not None:
        # Either the application or a thief has it twice; nobody can tell which, so neither goes on.
        revoke_family(session, journal=services.journal, family_id=family.id, reason="refresh_token_reused", now=now)
        _refuse(session, services, client, family, "reused", "invalid_grant", now=now, kind=EventType.TOKEN_REUSED)
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
