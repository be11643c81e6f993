"""How long personal data of events about nobody known can be read: a while after its month, and then never again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.model import HolderKey
from audit.vocabulary import EventType

_MONTH = re.compile(r"service:(\d{4})-(\d{2})")


def destroy_past_service_keys(
    session: Session, *, journal: Journal, kept_for: timedelta, now: datetime
) -> tuple[str, ...]:
    """Destroy the keys of months that ended ``kept_for`` ago or earlier, on record, and return their names.

    Events that no known person stands behind (a page that was opened, a cédula that nobody has) hold addresses and
    browsers under the key of their month. Nobody can ask for their erasure by name, so time does it: the records and
    all proofs stay, what was sealed cannot be read again. Two workers at once do it once.
    """
    standing = select(HolderKey.holder).where(
        HolderKey.holder.startswith("service:"), HolderKey.sealed_key.is_not(None)
    )
    past = tuple(
        holder
        for holder in session.scalars(standing.order_by(HolderKey.holder).with_for_update())
        if _is_past(holder, now - kept_for)
    )
    for holder in past:
        journal.holder_keys.destroy(session, holder, now=now)
    if past:
        event = Event(type=EventType.UNATTRIBUTED_DATA_DESTROYED, actor="worker", details={"holders": list(past)})
        journal.record(session, event, now=now)
    return past


def _is_past(holder: str, limit: datetime) -> bool:
    """Tell whether the month of the key ended at or before ``limit``."""
    named = _MONTH.fullmatch(holder)
    if named is None:
        return False
    year, month = int(named[1]), int(named[2])
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return following <= limit
