"""What becomes of help in person when an account is disabled or erased."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.desk.model import DeskRecoveryRow, IdentityCheckRow, ReportRow
from idp.services import IdpServices


def end_help(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> None:
    """End the person's open recovery, on record; his code is worth nothing, also if the account is opened again."""
    open_one = select(DeskRecoveryRow.id).where(
        DeskRecoveryRow.person_id == person_id, DeskRecoveryRow.closed_at.is_(None)
    )
    for recovery_id in session.scalars(open_one).all():
        session.execute(
            update(DeskRecoveryRow)
            .where(DeskRecoveryRow.id == recovery_id, DeskRecoveryRow.closed_at.is_(None))
            .values(closed_at=now, outcome="ended", phc=None, sealed_key=None)
        )
        event = Event(
            type=EventType.DESK_RECOVERY_EXPIRED,
            reason="account_closed",
            subject=person_id,
            actor="system",
            object_id=recovery_id,
        )
        services.journal.record(session, event, now=now)


def forget_help(session: Session, *, person_id: str) -> None:
    """Delete what is kept about an erased person; the evidence keeps its events."""
    session.execute(delete(IdentityCheckRow).where(IdentityCheckRow.person_id == person_id))
    session.execute(delete(DeskRecoveryRow).where(DeskRecoveryRow.person_id == person_id))
    session.execute(delete(ReportRow).where(ReportRow.person_id == person_id))
