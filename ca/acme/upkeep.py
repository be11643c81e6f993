"""The worker's upkeep: orders expire, what was left half done is finished, what is over is forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.acme.account import actor_of
from ca.acme.finalize import complete_order
from ca.acme.model import Authorization, Order
from ca.acme.nonce import forget_old_nonces
from ca.acme.state import INVALID, PENDING, PROCESSING, READY, VALID
from ca.issuance.model import Certificate
from ca.services import CaServices

_AT_ONCE = 500
_KEPT = timedelta(days=30)  # orders that came to nothing, and those whose certificate has expired


def expire_orders(services: CaServices, *, now: datetime) -> int:
    """Write down that orders have expired, each with its event; return how many."""
    with services.database.transaction() as session:
        due = session.scalars(
            select(Order.id)
            .where(Order.status.in_((PENDING, READY)), Order.expires_at <= now)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        expired = session.execute(
            update(Order)
            .where(Order.id.in_(due), Order.status.in_((PENDING, READY)))
            .values(status=INVALID)
            .returning(Order.id, Order.account_id)
            .execution_options(synchronize_session=False)
        ).all()
        for order_id, account_id in expired:
            event = Event(type=EventType.ACME_ORDER_EXPIRED, actor=actor_of(account_id), object_id=order_id)
            services.journal.record(session, event, now=now)
    return len(expired)


def finish_orders(services: CaServices, *, now: datetime) -> int:
    """Sign what finalized orders wait for, after a crash or a time without the key; return how many were looked at."""
    with services.database.reading() as session:
        ids = session.scalars(select(Order.id).where(Order.status == PROCESSING).limit(_AT_ONCE)).all()
    for order_id in ids:
        complete_order(services, order_id, now=now)
    return len(ids)


def forget_what_is_over(services: CaServices, *, now: datetime) -> int:
    """Drop spent nonces, orders that came to nothing and those of expired certificates; return how many orders."""
    with services.database.transaction() as session:
        forget_old_nonces(session, now=now)
        return _drop_orders(session, now=now)


def _drop_orders(session: Session, *, now: datetime) -> int:
    gone = select(Certificate.serial).where(Certificate.serial == Order.serial, Certificate.not_after < now - _KEPT)
    over = session.scalars(
        select(Order.id)
        .where(
            Order.expires_at < now - _KEPT,
            or_(Order.status == INVALID, and_(Order.status == VALID, gone.exists())),
        )
        .limit(_AT_ONCE)
    ).all()
    session.execute(delete(Authorization).where(Authorization.order_id.in_(over)))
    session.execute(delete(Order).where(Order.id.in_(over)))
    return len(over)
