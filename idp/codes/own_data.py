"""What this room keeps about a person, for that person: codes that were sent, without the codes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.my_data import Entry, Section
from idp.codes.model import SentCodeRow
from idp.services import IdpServices


def read_sent_codes(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return which codes are on their way or were used, and when; never a code or its digest."""
    rows = session.scalars(
        select(SentCodeRow).where(SentCodeRow.person_id == person_id).order_by(SentCodeRow.sent_at.desc())
    )
    return [
        {
            "kind": row.kind,
            "sent_at": row.sent_at,
            "expires_at": row.expires_at,
            "times_sent": row.times_sent,
            "tries": row.tries,
            "used_at": row.used_at,
        }
        for row in rows
    ]


SENT_CODES = Section(name="sent_codes", read=read_sent_codes, tables=("idp_sent_code",))
