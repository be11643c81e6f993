"""What the front page asks of the evidence and the register: counts, nothing that names a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from admin.by_time import filtered
from admin.hour_counts import FAILED, FAILED_LOGINS, HOUR, STARTED, counted_hours
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from ca.issuance.model import Certificate

# Continental Ecuador keeps UTC−5 all year (since 1992): days and hours of the console are those.
ECUADOR = timezone(timedelta(hours=-5))


@dataclass(frozen=True)
class HourOfLogins:
    """Logins of one hour of the day: sessions that began, and tries that did not fit or were not let in."""

    hour: int
    started: int
    failed: int


@dataclass(frozen=True)
class IssuanceOfDay:
    """What the authority did on a day. ``issued``: for those who asked, not what the service issues to itself."""

    requested: int
    approved: int
    issued: int
    refused: int
    revoked: int


def start_of_day(moment: datetime) -> datetime:
    """Return midnight in Ecuador of the day that ``moment`` falls in (aware)."""
    return moment.astimezone(ECUADOR).replace(hour=0, minute=0, second=0, microsecond=0)


def logins_by_hour(session: Session, *, now: datetime) -> list[HourOfLogins]:
    """Return the hours of today up to the present one.

    Those that were counted are read from the counts; the log is asked for the rest alone, an hour or two.
    """
    first = start_of_day(now)
    hours = int((now - first) / HOUR) + 1
    counted = counted_hours(session, since=first, names=(STARTED, FAILED))
    known = 0
    while first + known * HOUR in counted:
        known += 1
    done = [
        HourOfLogins(hour=hour, started=told.get(STARTED, 0), failed=told.get(FAILED, 0))
        for hour in range(min(known, hours))
        for told in (counted[first + hour * HOUR],)
    ]
    return done + _logins_in_log(session, first, range(len(done), hours))


def _logins_in_log(session: Session, first: datetime, hours: range) -> list[HourOfLogins]:
    if not hours:
        return []
    started = AuditEvent.type == EventType.SESSION_STARTED.value
    failed = and_(
        AuditEvent.type.in_([kind.value for kind in FAILED_LOGINS]), AuditEvent.outcome != Outcome.SUCCESS.value
    )
    sums: list[Any] = []
    for hour in hours:
        within = _between(first + hour * HOUR, first + (hour + 1) * HOUR)
        sums += [_count_where(and_(started, within)), _count_where(and_(failed, within))]
    # One pass over the rows by the index on the time, on either database; hours have no portable function.
    counts: Sequence[Any] = session.execute(
        select(*sums).where(AuditEvent.occurred_at >= first + hours.start * HOUR, filtered(or_(started, failed)))
    ).one()
    return [
        HourOfLogins(hour=hour, started=int(counts[2 * place] or 0), failed=int(counts[2 * place + 1] or 0))
        for place, hour in enumerate(hours)
    ]


def issuance_today(session: Session, *, now: datetime) -> IssuanceOfDay:
    """Return what the authority did since midnight."""
    # Not the column itself: grouped by it, the whole log is read in the order of its index.
    named = func.lower(AuditEvent.type)
    counted: dict[tuple[str, str], int] = {
        (kind, outcome): count
        for kind, outcome, count in session.execute(
            select(named, AuditEvent.outcome, func.count())
            .where(AuditEvent.occurred_at >= start_of_day(now), filtered(AuditEvent.type.startswith("ca:")))
            .group_by(named, AuditEvent.outcome)
        ).all()
    }

    def done(kind: EventType) -> int:
        return counted.get((kind.value, Outcome.SUCCESS.value), 0)

    refusals = (EventType.CERTIFICATE_REQUEST_REFUSED, EventType.CERTIFICATE_ISSUANCE_REFUSED)
    not_done = sum(count for (kind, outcome), count in counted.items() if outcome != Outcome.SUCCESS.value)
    return IssuanceOfDay(
        requested=done(EventType.CERTIFICATE_REQUESTED),
        approved=done(EventType.CERTIFICATE_REQUEST_APPROVED),
        issued=session.scalar(
            select(func.count())
            .select_from(Certificate)
            .where(Certificate.issued_at >= start_of_day(now), Certificate.request_id.is_not(None))
        )
        or 0,
        refused=sum(done(kind) for kind in refusals) + not_done,
        revoked=done(EventType.CERTIFICATE_REVOKED),
    )


def _between(start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(AuditEvent.occurred_at >= start, AuditEvent.occurred_at < end)


def _count_where(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))
