"""Logins counted by the hour: what the plots of a week are drawn from without reading a week of the log.

An hour is counted once, some minutes after it is over (who commits late is in it), and never again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from admin.by_time import filtered
from admin.model import HourCount
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from idp.authentication.assurance import AMR_MULTIPLE, AMR_USER_VERIFIED

HOUR = timedelta(hours=1)
COUNTED, STARTED, FAILED = "counted", "started", "failed"
FACTOR, STRENGTH = "factor:", "strength:"
FAILED_LOGINS = (
    EventType.PASSWORD_VERIFIED,
    EventType.TOTP_VERIFIED,
    EventType.SMS_CODE_VERIFIED,
    EventType.EMAIL_CODE_VERIFIED,
    EventType.GRID_CARD_VERIFIED,
    EventType.RECOVERY_CODE_VERIFIED,
    EventType.LOGIN_THROTTLED,
)
_LATE = timedelta(minutes=5)
_BACK = timedelta(days=8)
_KEPT = timedelta(days=400)
_HOURS_AT_ONCE = 24
_SESSIONS_AT_ONCE = 1_000


@dataclass(frozen=True)
class LoginFigures:
    """Logins of some days: by factor and by strength, of the hours that were counted."""

    until: datetime | None
    factors: tuple[tuple[str, int], ...]
    strengths: tuple[tuple[str, int], ...]


def count_hours(session: Session, *, now: datetime) -> int:
    """Count the hours that are over and were not counted, a day of them at most; return how many."""
    last = session.scalar(select(func.max(HourCount.hour)).where(HourCount.name == COUNTED))
    hour = max(last + HOUR, _hour_of(now - _BACK)) if last else _hour_of(now - _BACK)
    done = 0
    while hour + HOUR + _LATE <= now and done < _HOURS_AT_ONCE:
        counts = _counts(session, hour)
        session.add_all(HourCount(hour=hour, name=name, amount=amount) for name, amount in sorted(counts.items()))
        hour, done = hour + HOUR, done + 1
    session.execute(delete(HourCount).where(HourCount.hour < now - _KEPT))
    session.flush()
    return done


def counted_hours(session: Session, *, since: datetime, names: Iterable[str]) -> dict[datetime, dict[str, int]]:
    """Return what was counted of the hours since ``since``, by hour and name; a counted hour is there, if empty."""
    rows = session.execute(
        select(HourCount.hour, HourCount.name, HourCount.amount).where(
            HourCount.hour >= since, HourCount.name.in_((COUNTED, *names))
        )
    )
    found: dict[datetime, dict[str, int]] = {}
    for hour, name, amount in rows:
        found.setdefault(hour, {})[name] = amount
    return {hour: counts for hour, counts in found.items() if COUNTED in counts}


def login_figures(session: Session, *, since: datetime) -> LoginFigures:
    """Return by which factors people logged in since then, and how strongly; the most frequent first."""
    sums = session.execute(
        select(HourCount.name, func.sum(HourCount.amount), func.max(HourCount.hour))
        .where(HourCount.hour >= since)
        .group_by(HourCount.name)
    ).all()
    amounts = {name: int(amount) for name, amount, _ in sums}
    until = max((hour for name, _, hour in sums if name == COUNTED), default=None)

    def of(prefix: str) -> tuple[tuple[str, int], ...]:
        found = [(name.removeprefix(prefix), amount) for name, amount in amounts.items() if name.startswith(prefix)]
        return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))

    return LoginFigures(until=until + HOUR if until else None, factors=of(FACTOR), strengths=of(STRENGTH))


def _counts(session: Session, hour: datetime) -> Counter[str]:
    within = (AuditEvent.occurred_at >= hour, AuditEvent.occurred_at < hour + HOUR)
    counts: Counter[str] = Counter({COUNTED: 1})
    failed = session.scalar(
        select(func.count())
        .select_from(AuditEvent)
        .where(
            *within,
            filtered(AuditEvent.type.in_([kind.value for kind in FAILED_LOGINS])),
            AuditEvent.outcome != Outcome.SUCCESS.value,
        )
    )
    if failed:
        counts[FAILED] = failed
    leaves = session.scalars(
        select(AuditEvent.leaf).where(*within, filtered(AuditEvent.type == EventType.SESSION_STARTED.value)),
        execution_options={"yield_per": _SESSIONS_AT_ONCE},
    )
    for leaf in leaves:
        details = json.loads(leaf).get("details") or {}
        counts[STARTED] += 1
        counts[f"{STRENGTH}{str(details.get('acr', '')).rpartition(':')[2]}"[:40]] += 1
        # ``mfa`` and ``user`` say how a factor was used, they are none themselves.
        for factor in set(details.get("amr") or ()) - {AMR_MULTIPLE, AMR_USER_VERIFIED}:
            counts[f"{FACTOR}{factor}"[:40]] += 1
    return counts


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
