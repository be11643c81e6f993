"""How long what waits for a person has waited."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.model import ApplicationChange, GoLiveRequest
from ca.bulk.model import CertificateBatch
from ca.requests.model import CertificateRequest

#: Where one column ends and the next begins; what is older than the last is in a column of its own.
EDGES = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=12), timedelta(hours=24))
_MOST = 5000


@dataclass(frozen=True)
class Ages:
    """Things of one kind that wait. :ivar columns: how many are in each of the columns. :ivar oldest: since when."""

    kind: str
    columns: tuple[int, ...]
    oldest: datetime | None


def ages_of(kind: str, since: Sequence[datetime], *, now: datetime) -> Ages:
    """Return the ages of things that wait since these moments."""
    columns = [0] * (len(EDGES) + 1)
    for moment in since:
        columns[bisect_right(EDGES, now - moment)] += 1
    return Ages(kind, tuple(columns), min(since, default=None))


def waiting_certificates(session: Session, *, institutions: frozenset[str] | None, now: datetime) -> list[Ages]:
    """Return requests and batches that wait for a decision. :param institutions: RUCs within reach; None: all."""
    requests = select(CertificateRequest.created_at).where(
        CertificateRequest.status == "submitted", CertificateRequest.expires_at > now
    )
    batches = select(CertificateBatch.created_at).where(
        CertificateBatch.status == "proposed", CertificateBatch.expires_at > now
    )
    if institutions is not None:
        requests = requests.where(CertificateRequest.institution_ruc.in_(sorted(institutions)))
        batches = batches.where(CertificateBatch.institution_ruc.in_(sorted(institutions)))
    return [
        ages_of(
            "requests", session.scalars(requests.order_by(CertificateRequest.created_at).limit(_MOST)).all(), now=now
        ),
        ages_of("batches", session.scalars(batches.order_by(CertificateBatch.created_at).limit(_MOST)).all(), now=now),
    ]


def waiting_applications(session: Session, *, now: datetime) -> list[Ages]:
    """Return what applications asked for and nobody decided: going live, changes in production."""
    going = select(GoLiveRequest.asked_at).where(GoLiveRequest.decided_at.is_(None))
    changes = select(ApplicationChange.asked_at).where(ApplicationChange.decided_at.is_(None))
    return [
        ages_of("go_live", session.scalars(going.order_by(GoLiveRequest.asked_at).limit(_MOST)).all(), now=now),
        ages_of("changes", session.scalars(changes.order_by(ApplicationChange.asked_at).limit(_MOST)).all(), now=now),
    ]
