"""Hand-overs as the operator sees them: never a key, a password, a link or a code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

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
    """A hand-over."""

    id: str
    status: HandoverStatus
    request_id: str
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
    return view_handover(row)


def institution_of(session: Session, handover_id: str) -> tuple[HandoverView, str | None]:
    """Return the hand-over and the RUC of the institution that its certificate was asked for, if it is for one.

    :raises NotFound: (``unknown_handover``).
    """
    found = find_handover(session, handover_id)
    request = session.get(CertificateRequest, found.request_id)
    return found, request.institution_ruc if request else None


def list_handovers(
    session: Session, *, institutions: Collection[str] | None = None, limit: int = 100, offset: int = 0
) -> list[HandoverView]:
    """Return the newest hand-overs. :param institutions: RUCs of those whose certificates are told; None: all."""
    query = select(KeyHandover).order_by(KeyHandover.created_at.desc(), KeyHandover.id)
    if institutions is not None:
        query = query.join(CertificateRequest, CertificateRequest.id == KeyHandover.request_id).where(
            CertificateRequest.institution_ruc.in_(sorted(institutions))
        )
    return [view_handover(row) for row in session.scalars(query.limit(limit).offset(offset))]


def view_handover(row: KeyHandover) -> HandoverView:
    """Return the row as a frozen value."""
    return HandoverView(
        id=row.id,
        status=HandoverStatus(row.status),
        request_id=row.request_id,
        profile=row.profile,
        serial=row.serial,
        has_account=row.holder_id is not None,
        prepared_by=row.prepared_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
    )
