"""Redeeming an authorization code: of any number at once, one wins (RFC 6749 §4.1.3, RFC 7636 §4.6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authorization.code import CODE_LIFETIME
from idp.authorization.model import AuthorizationCodeRow
from idp.clients.client import Client
from idp.protocol.errors import TokenError
from idp.protocol.pkce import answered_challenge
from idp.protocol.terms import Terms
from idp.services import IdpServices
from idp.simulation.injecting import inject_into_tokens
from idp.tokens.confirmation import Confirmation
from idp.tokens.family import DeadFamilyError, revoke_family, start_family
from idp.tokens.model import TokenFamilyRow
from idp.tokens.target import target_for_person
from idp.tokens.token_set import TokenSet, issue_token_set
from kernel.clock import MOST_SKEW
from kernel.identifiers import sha256_hex
from kernel.late_rows import change_row
from kernel.prefetch import hold_row


def redeem_authorization_code(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    code: str | None,
    code_verifier: str | None,
    redirect_uri: str | None,
    resources: Sequence[str],
    authorization_details: str | None = None,
    confirmation: Confirmation | None = None,
    now: datetime,
) -> TokenSet:
    """Return the tokens that ``code`` stands for, and use it up.

    :param client: authenticated; a code of another client is refused.
    :param redirect_uri: the one of the authorization request, character by character.
    :param resources: the API that the access token is for; none: the first that was granted.
    :param authorization_details: a part of what was granted in detail; None for all of it (RFC 9396 §6).
    :param confirmation: the key that the request proves; the tokens are bound to it.
    :raises TokenError: ``invalid_request``, ``invalid_grant``, ``invalid_target``; on record. A second use
        revokes what the first gave.
    """
    if code is None or redirect_uri is None:
        missing = "code" if code is None else "redirect_uri"
        error = TokenError("invalid_request", f"The {missing} is missing.")
        _refuse(session, services, client, f"no_{missing}", error, now=now)
    try:
        challenge = answered_challenge(code_verifier, required=client.policy.pkce or client.is_public)
    except TokenError as error:
        _refuse(session, services, client, "bad_verifier", error, now=now)
    # Locked from here to the end of the transaction: of any number who present it at once, one finds it unused.
    row = hold_row(session, AuthorizationCodeRow, sha256_hex(code))
    jkt = confirmation.jkt if confirmation else None
    if row is None:
        _refuse(session, services, client, "unknown_code", _invalid_grant(), now=now)
    if row.redeemed_at is not None:
        _take_back(session, services, client, row, now=now)
    if reason := _fault(row, client=client, redirect_uri=redirect_uri, challenge=challenge, jkt=jkt, now=now):
        _refuse(session, services, client, reason, _invalid_grant(), now=now, row=row)
    row = change_row(session, AuthorizationCodeRow, row, redeemed_at=now)
    return _issue(session, services, client, row, resources, authorization_details, confirmation, now=now)


def _issue(
    session: Session,
    services: IdpServices,
    client: Client,
    row: AuthorizationCodeRow,
    resources: Sequence[str],
    authorization_details: str | None,
    confirmation: Confirmation | None,
    *,
    now: datetime,
) -> TokenSet:
    try:
        family = start_family(
            session,
            certificates=services.certificates,
            client=client,
            grant_type="authorization_code",
            origin_sha256=row.code_sha256,
            person_id=row.person_id,
            sid=row.sid,
            scopes=row.scopes,
            terms=Terms.from_document(row.terms),
            confirmation=confirmation,
            authenticated_at=row.authenticated_at,
            acr=row.acr,
            amr=row.amr,
            now=now,
        )
    except DeadFamilyError as error:
        refusal = TokenError("invalid_grant", "The authorization is no longer valid.")
        _refuse(session, services, client, error.reason, refusal, now=now, row=row)
    try:
        target = target_for_person(
            session,
            services,
            client=client,
            family=family,
            named=resources,
            scopes=family.scopes,
            details=authorization_details,
        )
    except TokenError as error:
        # The code is used up: who asks for what was not granted begins anew.
        revoke_family(session, journal=services.journal, family_id=family.id, reason=error.code, now=now)
        _refuse(session, services, client, error.code, error, now=now, row=row)
    event = Event(
        type=EventType.TOKEN_ISSUED,
        subject=family.person_id,
        actor=client.client_id,
        client_id=client.client_id,
        session_id=family.sid,
        object_id=family.id,
        details={
            "grant_type": "authorization_code",
            "scopes": list(target.scopes),
            "audience": target.identifier,
            "acr": family.acr,
        },
    )
    txn = services.journal.record_with_receipt(session, event, now=now)
    tokens = issue_token_set(
        session,
        services,
        client=client,
        family=family,
        target=target,
        nonce=row.nonce,
        txn=txn,
        now=now,
    )
    return inject_into_tokens(session, services, client=client, family_id=family.id, tokens=tokens, now=now)


def _fault(
    row: AuthorizationCodeRow,
    *,
    client: Client,
    redirect_uri: str,
    challenge: str | None,
    jkt: str | None,
    now: datetime,
) -> str | None:
    """Return what keeps the client from redeeming an unused code, None if nothing does."""
    if row.client_id != client.client_id:
        return "other_client"
    if not now < row.expires_at <= now + CODE_LIFETIME + MOST_SKEW:
        return "code_expired"
    if row.redirect_uri != redirect_uri:
        return "other_redirect_uri"
    # A verifier where there was no challenge fails like a wrong one (RFC 9700 §2.1.1).
    if row.challenge != challenge:
        return "wrong_verifier"
    # RFC 9449 §10: a code that was asked for with a key is of no use without it.
    if row.jkt is not None and row.jkt != jkt:
        return "other_key"
    return None if client.active else "client_disabled"


def _take_back(
    session: Session, services: IdpServices, client: Client, row: AuthorizationCodeRow, *, now: datetime
) -> NoReturn:
    """RFC 6749 §4.1.2: a code used twice was seen by someone else. What it gave is taken back."""
    family_id = session.scalar(select(TokenFamilyRow.id).where(TokenFamilyRow.code_sha256 == row.code_sha256))
    if family_id is not None:
        revoke_family(session, journal=services.journal, family_id=family_id, reason="code_reused", now=now)
    _refuse(session, services, client, "code_reused", _invalid_grant(), now=now, row=row, kind=EventType.TOKEN_REUSED)


def _invalid_grant() -> TokenError:
    return TokenError("invalid_grant", "The authorization code is not valid.")


def _refuse(
    session: Session,
    services: IdpServices,
    client: Client,
    reason: str,
    error: TokenError,
    *,
    now: datetime,
    row: AuthorizationCodeRow | None = None,
    kind: EventType = EventType.TOKEN_REFUSED,
) -> NoReturn:
    event = Event(
        type=kind,
        outcome=Outcome.REFUSED,
        reason=reason,
        subject=row.person_id if row else None,
        actor=client.client_id,
        client_id=client.client_id,
        session_id=row.sid if row else None,
        details={"grant_type": "authorization_code"},
    )
    services.journal.refuse(session, event, error, now=now)
