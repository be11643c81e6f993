"""What desks keep about a person, for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.my_data import Entry, Section
from idp.desk.model import DeskRow, IdentityCheckRow
from idp.services import IdpServices


def read_checks(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return when and where the person's identity was checked, and by which document."""
    rows = session.execute(
        select(IdentityCheckRow, DeskRow.name)
        .outerjoin(DeskRow, DeskRow.id == IdentityCheckRow.desk_id)
        .where(IdentityCheckRow.person_id == person_id)
        .order_by(IdentityCheckRow.created_at.desc())
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


IDENTITY_CHECKS = Section(name="identity_checks", read=read_checks, tables=("idp_identity_check",))
