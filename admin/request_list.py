"""Requests for certificates within what an operator's roles reach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ca.requests.model import CertificateRequest
from ca.requests.view import RequestView, Status, view_request
from ca.services import CaServices

# By what they can be arranged: columns with an index.
ORDERS: dict[str, InstrumentedAttribute[datetime] | InstrumentedAttribute[str]] = {
    "received": CertificateRequest.created_at,
    "profile": CertificateRequest.profile,
    "status": CertificateRequest.status,
}


@dataclass(frozen=True)
class RequestQuery:
    """What is looked for. ``institutions``: the RUCs within reach, None: all; ``not_by`` leaves a requester out."""

    status: str = ""
    profile: str = ""
    institution_ruc: str = ""
    requested_by: str = ""
    not_by: str = ""
    institutions: frozenset[str] | None = None


@dataclass(frozen=True)
class Waiting:
    """Requests that wait for somebody: how many, and since when the oldest."""

    count: int
    oldest: datetime | None


def search_requests(
    session: Session,
    query: RequestQuery,
    *,
    services: CaServices,
    limit: int,
    offset: int = 0,
    order: str = "received",
    descending: bool = True,
) -> list[RequestView]:
    """Return the requests that fit, newest first. :param order: a key of ``ORDERS``."""
    column = ORDERS.get(order, CertificateRequest.created_at)
    directed = column.desc() if descending else column.asc()
    rows = session.scalars(
        select(CertificateRequest)
        .where(*_conditions(query))
        .order_by(directed, CertificateRequest.id.desc() if descending else CertificateRequest.id.asc())
        .limit(limit)
        .offset(offset)
    )
    return [view_request(session, row, services=services) for row in rows]


def count_requests(session: Session, query: RequestQuery) -> int:
    """Return how many fit."""
    return session.scalars(select(func.count()).select_from(CertificateRequest).where(*_conditions(query))).one()


def requests_before(
    session: Session, query: RequestQuery, *, services: CaServices, request_id: str, limit: int
) -> list[RequestView]:
    """Return the requests that fit, newest first, from before ``request_id`` (empty: the newest)."""
    wanted = select(CertificateRequest).where(*_conditions(query))
    if request_id:
        wanted = wanted.where(CertificateRequest.id < request_id)
    rows = session.scalars(wanted.order_by(CertificateRequest.id.desc()).limit(limit))
    return [view_request(session, row, services=services) for row in rows]


def count_waiting(session: Session, query: RequestQuery, *, now: datetime) -> Waiting:
    """Return how many submitted requests fit that have not run out, and the oldest one's time."""
    row = session.execute(
        select(func.count(), func.min(CertificateRequest.created_at)).where(
            *_conditions(query),
            CertificateRequest.status == Status.SUBMITTED.value,
            CertificateRequest.expires_at > now,
        )
    ).one()
    return Waiting(count=row[0], oldest=row[1])


def _conditions(query: RequestQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.institutions is not None:
        conditions.append(CertificateRequest.institution_ruc.in_(query.institutions))
    if query.status:
        conditions.append(CertificateRequest.status == query.status)
    if query.profile:
        conditions.append(CertificateRequest.profile == query.profile)
    if query.institution_ruc:
        conditions.append(CertificateRequest.institution_ruc == query.institution_ruc)
    if query.requested_by:
        conditions.append(CertificateRequest.requested_by == query.requested_by)
    if query.not_by:
        conditions.append(CertificateRequest.requested_by != query.not_by)
        conditions.append(CertificateRequest.prepared_by != query.not_by)
    return conditions
