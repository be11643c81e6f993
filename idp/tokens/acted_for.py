"""Which services acted for a person at another one (token exchange), told once a day each: more would be noise."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.model import AuditEvent
from audit.vocabulary import EventType
from idp.tokens.model import TokenFamilyRow

SHOWN_FOR = timedelta(days=30)
# A service that asks more often than this in a month is counted up to here.
MOST_EVENTS = 5_000


@dataclass(frozen=True)
class Acted:
    """A service that acted for the person on one day.

    :ivar client_id: the service. :ivar allowed_client_id: the application that the person had allowed it to; None once
        that authorization is forgotten. :ivar last_at: the last time of that day.
    """

    client_id: str
    allowed_client_id: str | None
    times: int
    last_at: datetime


def list_acted_for(session: Session, *, person_id: str, timezone: tzinfo, now: datetime) -> list[Acted]:
    """Return who acted for the person in the last thirty days, by day of ``timezone``, the newest first."""
    rows = session.execute(
        select(AuditEvent.occurred_at, AuditEvent.client_id, TokenFamilyRow.client_id)
        .outerjoin(TokenFamilyRow, TokenFamilyRow.id == AuditEvent.object_id)
        .where(
            AuditEvent.subject == person_id,
            AuditEvent.type == EventType.TOKEN_EXCHANGED.value,
            AuditEvent.occurred_at > now - SHOWN_FOR,
        )
        .order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc())
        .limit(MOST_EVENTS)
    )
    times: Counter[tuple[date, str, str | None]] = Counter()
    last: dict[tuple[date, str, str | None], datetime] = {}
    for occurred_at, client_id, allowed in rows:
        key = (occurred_at.astimezone(timezone).date(), client_id or "", allowed)
        times[key] += 1
        last.setdefault(key, occurred_at)
    return [Acted(key[1], key[2], times[key], at) for key, at in last.items()]
