"""Authorizations: shown, given up, and their challenges begun (RFC 8555 §7.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.acme.account import actor_of
from ca.acme.challenge import offered_types
from ca.acme.model import Account, Authorization, Order
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.acme.state import DEACTIVATED, INVALID, PENDING, READY, VALID
from ca.acme.view import AuthorizationView, ChallengeView, view_authorization, view_challenge
from ca.services import CaServices
from kernel.outbox import enqueue

PROVE_CONTROL = "ca.acme_prove_control"  # outbox: a chosen challenge is to be looked at


def find_authorization(
    session: Session, *, account: Account, authorization_id: str, now: datetime
) -> AuthorizationView:
    """Return an authorization of the account. :raises AcmeProblem: ``malformed`` (not found)."""
    return view_authorization(_own(session, account, authorization_id), now=now)


def find_challenge(session: Session, *, account: Account, authorization_id: str, challenge_type: str) -> ChallengeView:
    """Return a challenge of the account. :raises AcmeProblem: ``malformed`` (not found)."""
    row = _own(session, account, authorization_id)
    _require_offered(row, challenge_type)
    return view_challenge(row, challenge_type)


def begin_challenge(
    session: Session,
    *,
    account: Account,
    authorization_id: str,
    challenge_type: str,
    request: Mapping[str, Any],
    now: datetime,
) -> ChallengeView:
    """Have the worker look at a challenge that the client says is prepared (§7.5.1). The first choice counts.

    :raises AcmeProblem: ``malformed`` (not found, not offered, the authorization no longer pending).
    """
    row = _own(session, account, authorization_id)
    _require_offered(row, challenge_type)
    if "keyAuthorization" in request or "type" in request:
        raise malformed("The response to a challenge is an empty object.")
    if row.status == PENDING and row.expires_at <= now:
        raise malformed("The authorization has expired; place a new order.")
    begun = session.execute(
        update(Authorization)
        .where(Authorization.id == row.id, Authorization.status == PENDING, Authorization.tried.is_(None))
        .values(tried=challenge_type, tried_at=now, thumbprint=account.thumbprint)
        .returning(Authorization.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if begun is not None:
        enqueue(session, PROVE_CONTROL, {"authorization_id": row.id}, now=now)
    session.refresh(row)
    return view_challenge(row, challenge_type)


def give_up_authorization(
    session: Session,
    *,
    services: CaServices,
    account: Account,
    authorization_id: str,
    request: Mapping[str, Any],
    now: datetime,
) -> AuthorizationView:
    """Deactivate an authorization (§7.5.2); its order, unless finalized, ends with it.

    :raises AcmeProblem: ``malformed``.
    """
    if request.get("status") != DEACTIVATED:
        raise malformed("An authorization's status changes to deactivated only.")
    row = _own(session, account, authorization_id)
    given_up = session.execute(
        update(Authorization)
        .where(Authorization.id == row.id, Authorization.status.in_((PENDING, VALID)))
        .values(status=DEACTIVATED)
        .returning(Authorization.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if given_up is None:
        raise malformed(f"The authorization is {row.status}.")
    session.execute(
        update(Order).where(Order.id == row.order_id, Order.status.in_((PENDING, READY))).values(status=INVALID)
    )
    event = Event(
        type=EventType.ACME_CONTROL_GIVEN_UP,
        actor=actor_of(account.id),
        object_id=row.id,
        details={"name": row.name, "wildcard": row.wildcard},
    )
    services.journal.record(session, event, now=now)
    session.refresh(row)
    return view_authorization(row, now=now)


def _own(session: Session, account: Account, authorization_id: str) -> Authorization:
    row = session.scalar(
        select(Authorization)
        .where(Authorization.id == authorization_id, Authorization.account_id == account.id)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise AcmeProblem(Kind.NOT_FOUND, "This account has no such authorization.")
    return row


def _require_offered(row: Authorization, challenge_type: str) -> None:
    if challenge_type not in offered_types(wildcard=row.wildcard):
        raise AcmeProblem(Kind.NOT_FOUND, "This authorization has no such challenge.")
