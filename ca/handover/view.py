"""Hand-overs as the operator sees them: never a key, a password, a link or a code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from ca.bulk.model import BatchRow, CertificateBatch
from ca.handover.model import KeyHandover
from ca.requests.model import CertificateRequest
from kernel.errors import NotFound


class HandoverStatus(StrEnum):
    """Where a key stands."""

    PREPARED = "prepared"  # made; its certificate is not there yet
    OFFERED = "offered"  # the link went out
    OPENED = "opened"  # the holder saw the password
    COLLECTED = "collected"
    ENDED = "ended"  # destroyed without having been collected


@dataclass(frozen=True)
class HandoverView:
    """A hand-over. :ivar request_id: of the request or, where it ``is_of_batch``, of the batch."""

    id: str
    status: HandoverStatus
    request_id: str
    is_of_batch: bool
    profile: str
    serial: str | None
    has_account: bool
    prepared_by: str
    created_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None

    @property
    def is_open(self) -> bool:
        """Whether the key is still here."""
        return self.status not in (HandoverStatus.COLLECTED, HandoverStatus.ENDED)


def find_handover(session: Session, handover_id: str) -> HandoverView:
    """Return the hand-over. :raises NotFound: (``unknown_handover``)."""
    row = session.get(KeyHandover, handover_id)
    if row is None:
        raise NotFound("There is no such hand-over.", code="unknown_handover")
    return view_handover(session, row)


def institution_of(session: Session, handover_id: str) -> tuple[HandoverView, str | None]:
    """Return the hand-over and the RUC of the institution that its certificate was asked for, if it is for one.

    :raises NotFound: (``unknown_handover``).
    """
    found = find_handover(session, handover_id)
    return found, session.scalar(_with_institution(_INSTITUTION).where(KeyHandover.id == handover_id))


def list_handovers(session: Session, *, limit: int = 100) -> list[HandoverView]:
    """Return the newest hand-overs."""
    query = select(KeyHandover).order_by(KeyHandover.created_at.desc(), KeyHandover.id).limit(limit)
    return [view_handover(session, row) for row in session.scalars(query)]


def of_institutions(institutions: Collection[str]) -> Select[Any]:
    """Return a query for the ids of hand-overs of certificates of some institutions.

    :param institutions: RUCs.
    """
    return _with_institution(KeyHandover.id).where(_INSTITUTION.in_(sorted(institutions)))


def view_handover(session: Session, row: KeyHandover) -> HandoverView:
    """Return the row as a frozen value."""
    of_batch = session.get(CertificateBatch, row.request_id) is not None
    return HandoverView(
        id=row.id,
        status=HandoverStatus(row.status),
        request_id=row.request_id,
        is_of_batch=of_batch,
        profile=row.profile,
        serial=row.serial,
        has_account=row.holder_id is not None,
        prepared_by=row.prepared_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
    )


_INSTITUTION = func.coalesce(CertificateRequest.institution_ruc, BatchRow.institution_ruc)


def _with_institution(chosen: Any) -> Select[Any]:
    """Return a query over hand-overs beside their request, or their row of a batch."""
    return (
        select(chosen)
        .select_from(KeyHandover)
        .outerjoin(CertificateRequest, CertificateRequest.id == KeyHandover.request_id)
        .outerjoin(
            BatchRow,
            (BatchRow.batch_id == KeyHandover.request_id) & (BatchRow.spki_sha256 == KeyHandover.spki_sha256),
        )
    )
