"""Certificates in numbers: what runs out in the weeks to come and whose, what was issued and why it was revoked.

Every question has a window of its own, answered by an index on the time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from admin.by_time import filtered
from admin.overview import start_of_day
from ca.issuance.model import Certificate

WEEK = timedelta(days=7)
WEEKS_AHEAD = 13
WEEKS_BACK = 8


@dataclass(frozen=True)
class WeekOfExpiry:
    """What runs out in one week. :ivar by_institution: RUC ("" for none) and number, the most first."""

    begins: datetime
    total: int
    by_institution: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class WeekOfIssuance:
    """What was issued and revoked in one week. ``issued``: for those who asked, not what the service issues itself."""

    begins: datetime
    issued: int
    revoked: int


def expiries_by_week(session: Session, *, institutions: frozenset[str] | None, now: datetime) -> list[WeekOfExpiry]:
    """Return the thirteen weeks from today, with what runs out in each and was not revoked.

    :param institutions: the RUCs whose certificates the reader may see; None: all.
    """
    first = start_of_day(now)
    place = _week_of(Certificate.not_after, first, WEEKS_AHEAD)
    wanted = (
        select(place, Certificate.institution_ruc, func.count())
        .where(
            Certificate.not_after >= first,
            Certificate.not_after < first + WEEKS_AHEAD * WEEK,
            filtered(Certificate.revoked_at.is_(None)),
            Certificate.request_id.is_not(None),
        )
        .group_by(place, Certificate.institution_ruc)
    )
    if institutions is not None:
        wanted = wanted.where(Certificate.institution_ruc.in_(institutions))
    weeks: dict[int, Counter[str]] = {week: Counter() for week in range(WEEKS_AHEAD)}
    for week, ruc, number in session.execute(wanted):
        weeks[week][ruc or ""] += number
    return [
        WeekOfExpiry(
            begins=first + week * WEEK,
            total=sum(found.values()),
            by_institution=tuple(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))),
        )
        for week, found in weeks.items()
    ]


def issuance_by_week(session: Session, *, institutions: frozenset[str] | None, now: datetime) -> list[WeekOfIssuance]:
    """Return the eight weeks up to today, with what was issued and what was revoked in each."""
    first = start_of_day(now) + timedelta(days=1) - WEEKS_BACK * WEEK
    numbers = []
    for column in (Certificate.issued_at, Certificate.revoked_at):
        place = _week_of(column, first, WEEKS_BACK)
        wanted = (
            select(place, func.count())
            .where(column >= first, column < first + WEEKS_BACK * WEEK, Certificate.request_id.is_not(None))
            .group_by(place)
        )
        if institutions is not None:
            wanted = wanted.where(Certificate.institution_ruc.in_(institutions))
        numbers.append({row[0]: row[1] for row in session.execute(wanted)})
    return [
        WeekOfIssuance(begins=first + week * WEEK, issued=numbers[0].get(week, 0), revoked=numbers[1].get(week, 0))
        for week in range(WEEKS_BACK)
    ]


def revocations_by_reason(
    session: Session, *, institutions: frozenset[str] | None, now: datetime
) -> list[tuple[str, int]]:
    """Return why certificates were revoked in the eight weeks up to today, the most frequent reason first."""
    first = start_of_day(now) + timedelta(days=1) - WEEKS_BACK * WEEK
    wanted = (
        select(Certificate.revocation_reason, func.count())
        .where(Certificate.revoked_at >= first)
        .group_by(Certificate.revocation_reason)
    )
    if institutions is not None:
        wanted = wanted.where(Certificate.institution_ruc.in_(institutions))
    found = [(reason or "unspecified", number) for reason, number in session.execute(wanted)]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _week_of(column: InstrumentedAttribute[Any], first: datetime, weeks: int) -> ColumnElement[int]:
    # Weeks have no portable function: one condition each, on what the index found.
    return case(*[(column < first + (week + 1) * WEEK, week) for week in range(weeks)], else_=weeks - 1)
