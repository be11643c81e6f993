"""What this room keeps about a person, for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.my_data import Entry, Section
from idp.levels.model import LevelEvidenceRow
from idp.services import IdpServices


def read_levels(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return what the level of identity rests on, and what it rested on before."""
    rows = session.scalars(
        select(LevelEvidenceRow).where(LevelEvidenceRow.person_id == person_id).order_by(LevelEvidenceRow.id)
    )
    return [
        {
            "identity_level": row.level,
            "method": row.method,
            "document": row.document,
            "created_at": row.established_at,
            "expires_at": row.expires_at,
            "withdrawn_at": row.withdrawn_at,
            "reason": row.withdrawn_reason,
        }
        for row in rows
    ]


LEVELS = Section(name="levels", tables=("idp_level_evidence",), read=read_levels)
