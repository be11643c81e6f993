"""Recoveries as officers see them, how one is found, and their events."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.desk.model import DeskRecoveryRow, DeskRow
from idp.services import IdpServices
from kernel.errors import NotFound

CODE, STOP = "desk-recovery-code", "desk-recovery-stop"


@dataclass(frozen=True)
class Recovery:
    """A recovery as officers see it.

    :ivar ready_at: from when the code counts; None: a second officer is due.
    :ivar entered_at: when somebody typed the code first.
    :ivar outcome: empty while it is open.
    """

    id: str
    person_id: str
    officer_id: str
    desk_id: str
    opened_at: datetime
    ready_at: datetime | None
    expires_at: datetime
    entered_at: datetime | None
    approved_by: str | None
    outcome: str
    closed_at: datetime | None
    closed_by: str | None


def find_recovery(session: Session, recovery_id: str, *, institutions: Collection[str] | None) -> Recovery:
    """Return a recovery of these institutions' desks (None: of all). :raises NotFound: (``unknown_recovery``)."""
    return as_recovery(row_at_desks(session, recovery_id, institutions))


def find_open_recovery(session: Session, person_id: str, *, now: datetime) -> Recovery | None:
    """Return the person's open recovery, if there is one."""
    row = session.scalars(
        select(DeskRecoveryRow).where(
            DeskRecoveryRow.person_id == person_id,
            DeskRecoveryRow.closed_at.is_(None),
            DeskRecoveryRow.expires_at > now,
        )
    ).one_or_none()
    return as_recovery(row) if row else None


def list_recoveries(session: Session, *, institutions: Collection[str] | None, limit: int) -> list[Recovery]:
    """Return the recoveries of these institutions' desks (None: of all), open ones first, then newest first."""
    query = (
        select(DeskRecoveryRow)
        .join(DeskRow, DeskRow.id == DeskRecoveryRow.desk_id)
        .order_by(DeskRecoveryRow.closed_at.is_not(None), DeskRecoveryRow.id.desc())
        .limit(limit)
    )
    if institutions is not None:
        query = query.where(DeskRow.institution_ruc.in_(institutions))
    return [as_recovery(row) for row in session.scalars(query)]


def row_at_desks(session: Session, recovery_id: str, institutions: Collection[str] | None) -> DeskRecoveryRow:
    """Return the row of a recovery of these institutions' desks. :raises NotFound: (``unknown_recovery``)."""
    row = session.get(DeskRecoveryRow, recovery_id)
    desk = session.get(DeskRow, row.desk_id) if row else None
    if row is None or desk is None or (institutions is not None and desk.institution_ruc not in institutions):
        raise NotFound("There is no such recovery.", code="unknown_recovery")
    return row


def record_recovery(
    session: Session,
    services: IdpServices,
    kind: EventType,
    row: DeskRecoveryRow,
    *,
    actor: str,
    details: Mapping[str, str | bool] | None = None,
    now: datetime,
) -> None:
    """Put what happened to a recovery on record."""
    event = Event(type=kind, subject=row.person_id, actor=actor, object_id=row.id, details={**(details or {})})
    services.journal.record(session, event, now=now)


def as_recovery(row: DeskRecoveryRow) -> Recovery:
    """Return a row as the frozen value."""
    return Recovery(
        id=row.id,
        person_id=row.person_id,
        officer_id=row.officer_id,
        desk_id=row.desk_id,
        opened_at=row.opened_at,
        ready_at=row.ready_at,
        expires_at=row.expires_at,
        entered_at=row.entered_at,
        approved_by=row.approved_by,
        outcome=row.outcome or "",
        closed_at=row.closed_at,
        closed_by=row.closed_by,
    )
