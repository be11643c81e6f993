"""Hand-overs as the operator sees them: never a key, a password, a link or a code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.handover.model import KeyHandover
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


def find_handover(session: Session, handover_id: str) -> HandoverView:
    """Return the hand-over. :raises NotFound: (``unknown_handover``)."""
    row = session.get(KeyHandover, handover_id)
    if row is None:
        raise NotFound("There is no such hand-over.", code="unknown_handover")
    return view_handover(row)


def list_handovers(session: Session, *, limit: int = 100) -> list[HandoverView]:
    """Return the newest hand-overs."""
    rows = session.scalars(select(KeyHandover).order_by(KeyHandover.created_at.desc(), KeyHandover.id).limit(limit))
    return [view_handover(row) for row in rows]


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
