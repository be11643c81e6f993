"""What the front page asks of the evidence and the register: counts, nothing that names a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from admin.by_time import ECUADOR, filtered, start_of_day
from admin.hour_counts import (
    COUNTED,
    DONE,
    FAILED,
    FAILED_LOGINS,
    HOUR,
    NOT_DONE,
    STARTED,
    TOLD,
    counted_hours,
)
from admin.model import HourCount
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from ca.issuance.model import Certificate

# The days of the console stand in ``by_time``; many ask for them here.
__all__ = ["ECUADOR", "HourOfLogins", "IssuanceOfDay", "issuance_today", "logins_by_hour", "start_of_day"]


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


def told_today(session: Session, *, now: datetime) -> dict[tuple[str, bool], int]:
    """Return how often each kind of event of which the front page tells happened since midnight, done or not.

    Hours that were counted are read from the counts; the log is asked for the rest alone, an hour or two.
    """
    first = start_of_day(now)
    rows = session.execute(
        select(HourCount.hour, HourCount.name, HourCount.amount).where(
            HourCount.hour >= first,
            or_(
                HourCount.name == COUNTED,
                HourCount.name.startswith(DONE, autoescape=True),
                HourCount.name.startswith(NOT_DONE, autoescape=True),
            ),
        )
    ).all()
    counted = {row.hour for row in rows if row.name == COUNTED}
    sums: Counter[tuple[str, bool]] = Counter()
    since = first
    while since in counted:
        since += HOUR
    for hour, name, amount in rows:
        if name != COUNTED and hour < since:
            sums[name[len(DONE) :], name.startswith(DONE)] += amount
    # Not the column itself: grouped by it, the whole log is read in the order of its index.
    named = func.lower(AuditEvent.type)
    told = or_(*(AuditEvent.type.startswith(each) for each in TOLD))
    for kind, outcome, amount in session.execute(
        select(named, AuditEvent.outcome, func.count())
        .where(AuditEvent.occurred_at >= since, filtered(told))
        .group_by(named, AuditEvent.outcome)
    ):
        sums[kind, outcome == Outcome.SUCCESS.value] += amount
    return sums


def issuance_today(session: Session, *, now: datetime) -> IssuanceOfDay:
    """Return what the authority did since midnight."""
    told = told_today(session, now=now)

    def done(kind: EventType) -> int:
        return told.get((kind.value, True), 0)

    refusals = (EventType.CERTIFICATE_REQUEST_REFUSED, EventType.CERTIFICATE_ISSUANCE_REFUSED)
    not_done = sum(amount for (kind, well), amount in told.items() if not well and kind.startswith("ca:"))
    return IssuanceOfDay(
        requested=done(EventType.CERTIFICATE_REQUESTED),
        approved=done(EventType.CERTIFICATE_REQUEST_APPROVED),
        issued=issued_today(session, institutions=None, now=now),
        refused=sum(done(kind) for kind in refusals) + not_done,
        revoked=done(EventType.CERTIFICATE_REVOKED),
    )


def issued_today(session: Session, *, institutions: frozenset[str] | None, now: datetime) -> int:
    """Return how many certificates were issued since midnight for those who asked. :param institutions: None: all."""
    wanted = select(func.count()).where(
        Certificate.issued_at >= start_of_day(now), filtered(Certificate.request_id.is_not(None))
    )
    if institutions is not None:
        wanted = wanted.where(filtered(Certificate.institution_ruc.in_(sorted(institutions))))
    return session.scalar(wanted) or 0


def revoked_today(session: Session, *, institutions: frozenset[str], now: datetime) -> int:
    """Return how many certificates of these institutions were revoked since midnight."""
    wanted = select(func.count()).where(
        Certificate.revoked_at >= start_of_day(now), filtered(Certificate.institution_ruc.in_(sorted(institutions)))
    )
    return session.scalar(wanted) or 0


def _between(start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(AuditEvent.occurred_at >= start, AuditEvent.occurred_at < end)


def _count_where(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))
