"""Orders: placed, shown, listed (RFC 8555 §7.4, §7.1.2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.acme.account import actor_of
from ca.acme.identifier import allowed_domains, base_name, is_wildcard, requested_names
from ca.acme.model import Account, Authorization, Order
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.acme.profiles import choose_profile
from ca.acme.renewal import require_replaceable
from ca.acme.state import INVALID, ORDER_LIFETIME, PENDING, READY
from ca.acme.view import OrderView, view_order
from ca.services import CaServices
from kernel.identifiers import new_id, new_secret

PAGE = 100
#: Of one account: orders that wait, and failed proofs of one name in an hour.
MOST_OPEN, MOST_FAILURES = 300, 10
_FAILURE_WINDOW = timedelta(hours=1)


def place_order(
    session: Session, *, services: CaServices, account: Account, request: Mapping[str, Any], now: datetime
) -> OrderView:
    """Store an order with one authorization for each of its names. A refusal is on record.

    :param request: the payload of newOrder.
    :raises AcmeProblem: ``malformed``, ``rejectedIdentifier``, ``unsupportedIdentifier``, ``compound``,
        ``invalidProfile``, ``alreadyReplaced``, ``unauthorized``, ``rateLimited``.
    """
    try:
        return _place(session, services=services, account=account, request=request, now=now)
    except AcmeProblem as error:
        _refuse(session, services, account, error, now=now)


def find_order(session: Session, *, account: Account, order_id: str, now: datetime) -> OrderView:
    """Return an order of the account. :raises AcmeProblem: ``malformed`` (not found), another account's likewise."""
    row = own_order(session, account=account, order_id=order_id)
    return view_order(row, authorizations_of(session, row), now=now)


def own_order(session: Session, *, account: Account, order_id: str, lock: bool = False) -> Order:
    """Return the row of the account's order, locked if it is going to be changed.

    :raises AcmeProblem: ``malformed`` (not found).
    """
    query = select(Order).where(Order.id == order_id, Order.account_id == account.id)
    row = session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if row is None:
        raise AcmeProblem(Kind.NOT_FOUND, "This account has no such order.")
    return row


def authorizations_of(session: Session, row: Order) -> list[str]:
    """Return the ids of an order's authorizations, in the order of its names."""
    query = select(Authorization.id).where(Authorization.order_id == row.id).order_by(Authorization.id)
    return list(session.scalars(query))


def list_orders(session: Session, *, account: Account, before: str | None) -> tuple[list[str], str | None]:
    """Return a page of the account's order ids, newest first, and what the next page begins before, if there is one."""
    query = select(Order.id).where(Order.account_id == account.id, Order.status != INVALID)
    if before is not None:
        query = query.where(Order.id < before)
    ids = list(session.scalars(query.order_by(Order.id.desc()).limit(PAGE + 1)))
    return ids[:PAGE], ids[PAGE - 1] if len(ids) > PAGE else None


def _place(
    session: Session, *, services: CaServices, account: Account, request: Mapping[str, Any], now: datetime
) -> OrderView:
    if "notBefore" in request or "notAfter" in request:
        raise malformed("The profile decides on the dates; leave notBefore and notAfter out.")
    profile = choose_profile(services, request.get("profile"))
    institution, domains = allowed_domains(session, services=services, account=account)
    names = requested_names(request.get("identifiers"), domains=domains, wildcards=profile.names.wildcards)
    replaces = require_replaceable(session, member=request.get("replaces"), account_id=account.id, names=names)
    _require_moderation(session, account, names, now=now)
    row = Order(
        id=new_id(),
        account_id=account.id,
        status=PENDING,
        profile=profile.name,
        profile_named="profile" in request,
        names=list(names),
        replaces=replaces,
        created_at=now,
        expires_at=now + ORDER_LIFETIME,
    )
    session.add(row)
    session.flush()
    ids = sorted(new_id() for _ in names)
    session.add_all(
        Authorization(
            id=authorization_id,
            order_id=row.id,
            account_id=account.id,
            name=base_name(name),
            wildcard=is_wildcard(name),
            status=PENDING,
            challenge=new_secret(),
            expires_at=row.expires_at,
        )
        for authorization_id, name in zip(ids, names, strict=True)
    )
    session.flush()
    event = Event(
        type=EventType.ACME_ORDER_PLACED,
        actor=actor_of(account.id),
        object_id=row.id,
        details={
            "institution_ruc": institution.ruc,
            "profile": profile.name,
            "names": list(names),
            "replaces": replaces,
        },
    )
    services.journal.record(session, event, now=now)
    return view_order(row, ids, now=now)


def _require_moderation(session: Session, account: Account, names: tuple[str, ...], *, now: datetime) -> None:
    waiting = session.scalar(
        select(func.count()).where(
            Order.account_id == account.id, Order.status.in_((PENDING, READY)), Order.expires_at > now
        )
    )
    if (waiting or 0) >= MOST_OPEN:
        raise AcmeProblem(
            Kind.RATE_LIMITED, f"{MOST_OPEN} orders of this account wait; finish those.", retry_after=_FAILURE_WINDOW
        )
    failed = session.execute(
        select(Authorization.name, func.count())
        .where(
            Authorization.account_id == account.id,
            Authorization.name.in_({base_name(name) for name in names}),
            Authorization.tried_at > now - _FAILURE_WINDOW,
            Authorization.status == INVALID,
        )
        .group_by(Authorization.name)
    )
    for name, count in failed:
        if count >= MOST_FAILURES:
            raise AcmeProblem(
                Kind.RATE_LIMITED,
                f"{name} was not proved {count} times within the hour; mend that first, and wait.",
                retry_after=_FAILURE_WINDOW,
            )


def _refuse(session: Session, services: CaServices, account: Account, error: AcmeProblem, *, now: datetime) -> NoReturn:
    event = Event(
        type=EventType.ACME_ORDER_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        actor=actor_of(account.id),
        object_id=account.id,
    )
    services.journal.refuse(session, event, error, now=now)
