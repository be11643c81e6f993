"""How an application is used: requests by day and outcome, counted by the hour; its last errors from the record.

The counts are made with those of the whole service (:mod:`admin.hour_counts`), from the same reading of an hour that is
over, so that no page reads the log. The last errors are found by an index that has errors alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.by_time import ECUADOR, start_of_day
from admin.model import ApplicationCount, HourCount
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome

DAYS = 14
LAST_ERRORS = 20
#: Names of counts: tokens given, tokens renewed, and for each reason what was refused or failed.
ISSUED, REFRESHED, REFUSED = "issued", "refreshed", "refused:"
KEPT = timedelta(days=400)
# Of :mod:`admin.hour_counts`: the hour was counted.
_COUNTED = "counted"
_NAME_LIMIT = 64
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Day:
    """One day of an application. :ivar refused: how often, by reason."""

    day: date
    issued: int
    refreshed: int
    refused: Mapping[str, int]

    @property
    def failures(self) -> int:
        """All that was refused or failed."""
        return sum(self.refused.values())


@dataclass(frozen=True)
class LastError:
    """An error of an application, without anybody in it."""

    event_id: str
    type: str
    reason: str
    occurred_at: datetime


def name_of(kind: str, outcome: str, reason: str) -> str | None:
    """Return as what an event of an application is counted; None if it is not."""
    if outcome != Outcome.SUCCESS.value:
        return f"{REFUSED}{reason or kind}"[:_NAME_LIMIT]
    if kind == EventType.TOKEN_ISSUED.value:
        return ISSUED
    return REFRESHED if kind == EventType.TOKEN_REFRESHED.value else None


def add_counts(session: Session, *, hour: datetime, counts: Mapping[tuple[str, str], int]) -> None:
    """Keep what was counted of an hour, by application and name."""
    session.add_all(
        ApplicationCount(hour=hour, client_id=client_id, name=name, amount=amount)
        for (client_id, name), amount in sorted(counts.items())
    )


def counted_since(session: Session, client_id: str, *, since: datetime, name: str) -> int:
    """Return how often something was counted since then."""
    amount = select(func.sum(ApplicationCount.amount)).where(
        ApplicationCount.client_id == client_id, ApplicationCount.hour >= since, ApplicationCount.name == name
    )
    return int(session.scalar(amount) or 0)


def live_counts(session: Session, client_id: str, *, now: datetime) -> Counter[str]:
    """Return what happened at an application since the hours that were counted; for one of which little is known."""
    counted = session.scalar(select(func.max(HourCount.hour)).where(HourCount.name == _COUNTED))
    rows = session.execute(
        select(AuditEvent.type, AuditEvent.outcome, AuditEvent.reason, func.count())
        .where(
            AuditEvent.client_id == client_id,
            AuditEvent.occurred_at >= (counted + _HOUR if counted else start_of_day(now)),
        )
        .group_by(AuditEvent.type, AuditEvent.outcome, AuditEvent.reason)
    )
    found: Counter[str] = Counter()
    for kind, outcome, reason, amount in rows:
        name = name_of(kind, outcome, reason or "")
        if name:
            found[name] += amount
    return found


def usage_by_day(
    session: Session, client_id: str, *, now: datetime, days: int = DAYS, more: Mapping[str, int] | None = None
) -> list[Day]:
    """Return the last ``days`` days, the oldest first, in the hours of Ecuador, as far as they were counted.

    :param more: what is not counted yet, added to today.
    """
    first = start_of_day(now) - timedelta(days=days - 1)
    rows = session.execute(
        select(ApplicationCount.hour, ApplicationCount.name, ApplicationCount.amount).where(
            ApplicationCount.client_id == client_id, ApplicationCount.hour >= first
        )
    )
    counts: dict[date, Counter[str]] = {(first + timedelta(days=each)).date(): Counter() for each in range(days)}
    for hour, name, amount in rows:
        day = hour.astimezone(ECUADOR).date()
        if day in counts:
            counts[day][name] += amount
    counts[start_of_day(now).date()].update(more or {})
    return [
        Day(
            day=day,
            issued=found[ISSUED],
            refreshed=found[REFRESHED],
            refused={
                name.removeprefix(REFUSED): amount for name, amount in sorted(found.items()) if name.startswith(REFUSED)
            },
        )
        for day, found in counts.items()
    ]


def last_errors(session: Session, client_id: str, *, now: datetime) -> list[LastError]:
    """Return the last errors of the days that are shown, the newest first."""
    rows = session.execute(
        select(AuditEvent.id, AuditEvent.type, AuditEvent.reason, AuditEvent.occurred_at)
        .where(
            AuditEvent.client_id == client_id,
            AuditEvent.outcome != Outcome.SUCCESS.value,
            AuditEvent.occurred_at >= start_of_day(now) - timedelta(days=DAYS - 1),
        )
        .order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc())
        .limit(LAST_ERRORS)
    )
    return [LastError(row.id, row.type, row.reason or "", row.occurred_at) for row in rows]
