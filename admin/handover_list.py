"""Hand-overs of keys within what an operator's roles reach."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from ca.handover.model import KeyHandover
from ca.handover.view import HandoverView, of_institutions, view_handover

# By what they can be arranged: columns with an index.
ORDERS = {"made": KeyHandover.created_at, "ends": KeyHandover.expires_at, "status": KeyHandover.status}


@dataclass(frozen=True)
class HandoverQuery:
    """What is looked for. ``institutions``: the RUCs whose certificates are told, None: all."""

    status: str = ""
    profile: str = ""
    institutions: frozenset[str] | None = None


def search_handovers(
    session: Session,
    query: HandoverQuery,
    *,
    limit: int,
    offset: int = 0,
    order: str = "made",
    descending: bool = True,
) -> list[HandoverView]:
    """Return the hand-overs that fit, newest first. :param order: a key of ``ORDERS``."""
    column = ORDERS.get(order, KeyHandover.created_at)
    directed = column.desc().nulls_last() if descending else column.asc().nulls_last()
    rows = session.scalars(_fitting(query).order_by(directed, KeyHandover.id.desc()).limit(limit).offset(offset))
    return [view_handover(session, row) for row in rows]


def count_handovers(session: Session, query: HandoverQuery) -> int:
    """Return how many fit."""
    return session.scalars(select(func.count()).select_from(_fitting(query).subquery())).one()


def handovers_before(session: Session, query: HandoverQuery, *, handover_id: str, limit: int) -> list[HandoverView]:
    """Return the hand-overs that fit, newest first, from before ``handover_id`` (empty: the newest)."""
    wanted = _fitting(query)
    if handover_id:
        wanted = wanted.where(KeyHandover.id < handover_id)
    return [view_handover(session, row) for row in session.scalars(wanted.order_by(KeyHandover.id.desc()).limit(limit))]


def _fitting(query: HandoverQuery) -> Select[KeyHandover]:
    conditions: list[ColumnElement[bool]] = []
    wanted = select(KeyHandover)
    if query.institutions is not None:
        conditions.append(KeyHandover.id.in_(of_institutions(query.institutions)))
    if query.status:
        conditions.append(KeyHandover.status == query.status)
    if query.profile:
        conditions.append(KeyHandover.profile == query.profile)
    return wanted.where(*conditions)
