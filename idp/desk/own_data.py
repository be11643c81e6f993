"""What desks keep about a person, for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.my_data import Entry, Section
from idp.desk.model import DeskRecoveryRow, DeskRow, IdentityCheckRow, ReportRow
from idp.services import IdpServices


def read_checks(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return when and where the person's identity was checked, and by which document."""
    rows = session.execute(
        select(IdentityCheckRow, DeskRow.name)
        .outerjoin(DeskRow, DeskRow.id == IdentityCheckRow.desk_id)
        .where(IdentityCheckRow.person_id == person_id)
        .order_by(IdentityCheckRow.created_at.desc(), IdentityCheckRow.id.desc())
    )
    return [
        {
            "desk": name,
            "document": row.document,
            "method": row.method,
            "state": row.state,
            "created_at": row.created_at,
            "decided_at": row.decided_at,
        }
        for row, name in rows
    ]


def read_recoveries(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return when the account was given back at a desk, and what became of that."""
    rows = session.execute(
        select(DeskRecoveryRow, DeskRow.name)
        .outerjoin(DeskRow, DeskRow.id == DeskRecoveryRow.desk_id)
        .where(DeskRecoveryRow.person_id == person_id)
        .order_by(DeskRecoveryRow.opened_at.desc(), DeskRecoveryRow.id.desc())
    )
    return [
        {
            "desk": name,
            "document": row.document,
            "method": row.method,
            "state": row.outcome or "open",
            "created_at": row.opened_at,
            "expires_at": row.expires_at,
            "ended_at": row.closed_at,
        }
        for row, name in rows
    ]


def read_reports(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return what the person reported, and with which words it was closed."""
    rows = session.scalars(
        select(ReportRow)
        .where(ReportRow.person_id == person_id)
        .order_by(ReportRow.created_at.desc(), ReportRow.id.desc())
    )
    return [
        {
            "report_number": row.number,
            "created_at": row.created_at,
            "decided_at": row.closed_at,
            "outcome": row.closing_words,
        }
        for row in rows
    ]


IDENTITY_CHECKS = Section(name="identity_checks", read=read_checks, tables=("idp_identity_check",))
RECOVERIES = Section(name="desk_recoveries", read=read_recoveries, tables=("idp_desk_recovery",))
REPORTS = Section(name="reports", read=read_reports, tables=("idp_disowned_report",))
