"""Authorizations: shown, given up, and their challenges begun (RFC 8555 §7.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
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
from kernel.late_rows import change_row
from kernel.outbox import enqueue
from kernel.prefetch import find_row, forget, hold_row

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


def read_challenge(session: Session, *, authorization_id: str, challenge_type: str) -> ChallengeView:
    """Return a challenge as it is now, for who has just changed it."""
    return view_challenge(session.get_one(Authorization, authorization_id), challenge_type)


@dataclass(frozen=True)
class Begun:
    """A challenge that the client says is prepared.

    :ivar row: its authorization. :ivar task_id: what the worker would do; None if another choice was there before.
    """

    view: ChallengeView
    row: Authorization
    task_id: str | None


def begin_challenge(
    session: Session,
    *,
    account: Account,
    authorization_id: str,
    challenge_type: str,
    request: Mapping[str, Any],
    head_start: timedelta = timedelta(0),
    now: datetime,
) -> Begun:
    """Have a challenge looked at that the client says is prepared (§7.5.1). The first choice counts.

    :param head_start: for how long the worker leaves it to the caller.
    :raises AcmeProblem: ``malformed`` (not found, not offered, the authorization no longer pending).
    """
    row = hold_row(session, Authorization, authorization_id)
    if row is None or row.account_id != account.id:
        raise _unknown()
    _require_offered(row, challenge_type)
    if "keyAuthorization" in request or "type" in request:
        raise malformed("The response to a challenge is an empty object.")
    if row.status == PENDING and row.expires_at <= now:
        raise malformed("The authorization has expired; place a new order.")
    task_id = None
    if row.status == PENDING and row.tried is None:
        row = change_row(session, Authorization, row, tried=challenge_type, tried_at=now, thumbprint=account.thumbprint)
        payload = {"authorization_id": row.id}
        task_id = enqueue(session, PROVE_CONTROL, payload, due_at=now + head_start, now=now)
    return Begun(view_challenge(row, challenge_type), row, task_id)


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
    return view_authorization(_as_it_is_now(session, row.id), now=now)


def _as_it_is_now(session: Session, authorization_id: str) -> Authorization:
    forget(session, Authorization, authorization_id)
    return session.get_one(Authorization, authorization_id, populate_existing=True)


def _own(session: Session, account: Account, authorization_id: str) -> Authorization:
    row = find_row(session, Authorization, authorization_id, anew=True)
    if row is None or row.account_id != account.id:
        raise _unknown()
    return row


def _unknown() -> AcmeProblem:
    return AcmeProblem(Kind.NOT_FOUND, "This account has no such authorization.")


def _require_offered(row: Authorization, challenge_type: str) -> None:
    if challenge_type not in offered_types(wildcard=row.wildcard):
        raise AcmeProblem(Kind.NOT_FOUND, "This authorization has no such challenge.")
