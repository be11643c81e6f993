"""Logins counted by the hour: what the plots of a week are drawn from without reading a week of the log.

An hour is counted once, some minutes after it is over (who commits late is in it), and never again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from admin.applications.usage import add_counts, name_of
from admin.by_time import filtered
from admin.model import ApplicationCount, HourCount
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from idp.authentication.assurance import AMR_MULTIPLE, AMR_USER_VERIFIED
from idp.clients.environment import TEST_PREFIX

HOUR = timedelta(hours=1)
#: Until here certificates were counted (:mod:`admin.certificate_counts`): one row, which is never too old.
CERTIFICATES = "certificates"
COUNTED, STARTED, FAILED = "counted", "started", "failed"
APPROVED, ACTS, NEW_DEVICES = "approved", "acts", "new_devices"
#: Before a kind of event: how often it was done, or was not.
DONE, NOT_DONE = "did:", "not:"
FACTOR, STRENGTH, REFUSED = "factor:", "strength:", "refused:"
APPROVALS = (
    EventType.CERTIFICATE_REQUEST_APPROVED,
    EventType.BATCH_APPROVED,
    EventType.MASS_REVOCATION_APPROVED,
    EventType.DESK_RECOVERY_APPROVED,
)
FAILED_LOGINS = (
    EventType.PASSWORD_VERIFIED,
    EventType.TOTP_VERIFIED,
    EventType.SMS_CODE_VERIFIED,
    EventType.EMAIL_CODE_VERIFIED,
    EventType.GRID_CARD_VERIFIED,
    EventType.RECOVERY_CODE_VERIFIED,
    EventType.LOGIN_THROTTLED,
)
#: Kinds of events of which the front page tells how often they happened today.
TOLD = ("ca:", "idp:desk_recovery:", "idp:identity", "idp:account:identity", "idp:rectification:", "idp:report:")
SESSIONS = (EventType.CONSOLE_OPENED, EventType.CONSOLE_CLOSED)  # of the console: no acts
LATE = timedelta(minutes=5)
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
    """Count the hours that are over and were not counted, a day of them at most; return how many.

    They begin with the log: of the days before it there is nothing to count.
    """
    last = session.scalar(select(func.max(HourCount.hour)).where(HourCount.name == COUNTED))
    if last is not None:
        hour = last + HOUR
    else:
        first = session.scalar(select(func.min(AuditEvent.occurred_at)))
        if first is None:
            return 0
        hour = hour_of(first)
    hour = max(hour, hour_of(now - _BACK))
    done = 0
    while hour + HOUR + LATE <= now and done < _HOURS_AT_ONCE:
        counts, of_applications = _counts(session, hour)
        add_counts(session, hour=hour, counts=of_applications)
        session.add_all(HourCount(hour=hour, name=name, amount=amount) for name, amount in sorted(counts.items()))
        hour, done = hour + HOUR, done + 1
    session.execute(delete(HourCount).where(HourCount.hour < now - _KEPT, HourCount.name != CERTIFICATES))
    session.execute(delete(ApplicationCount).where(ApplicationCount.hour < now - _KEPT))
    session.flush()
    return done


def counted_hours(
    session: Session, *, since: datetime, names: Iterable[str], prefixes: Iterable[str] = ()
) -> dict[datetime, dict[str, int]]:
    """Return what was counted of the hours since ``since``, by hour and name; a counted hour is there, if empty."""
    rows = session.execute(
        select(HourCount.hour, HourCount.name, HourCount.amount).where(
            HourCount.hour >= since,
            or_(
                HourCount.name.in_((COUNTED, *names)),
                *(HourCount.name.startswith(each, autoescape=True) for each in prefixes),
            ),
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


def refusals(session: Session, *, since: datetime) -> list[tuple[str, int]]:
    """Return for what reasons something was refused since then, the most frequent first."""
    sums = session.execute(
        select(HourCount.name, func.sum(HourCount.amount))
        .where(HourCount.hour >= since, HourCount.name.startswith(REFUSED, autoescape=True))
        .group_by(HourCount.name)
    )
    found = [(name.removeprefix(REFUSED), int(amount)) for name, amount in sums]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _counts(session: Session, hour: datetime) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    within = (
        AuditEvent.occurred_at >= hour,
        AuditEvent.occurred_at < hour + HOUR,
        # Those who are made up are none of the people who log in.
        filtered(or_(AuditEvent.subject.is_(None), AuditEvent.subject.not_like(f"{TEST_PREFIX}%"))),
    )
    counts: Counter[str] = Counter({COUNTED: 1})
    if session.scalar(select(AuditEvent.id).where(*within[:2]).limit(1)) is None:
        return counts, Counter()
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
    kinds, of_applications = _kinds(session, hour)
    counts.update(kinds)
    mails = session.scalars(
        select(AuditEvent.leaf).where(*within, filtered(AuditEvent.type == EventType.MAIL_SENT.value)),
        execution_options={"yield_per": _SESSIONS_AT_ONCE},
    )
    for leaf in mails:
        counts[NEW_DEVICES] += (json.loads(leaf).get("details") or {}).get("template") == "new_device"
    return +counts, of_applications


def _kinds(session: Session, hour: datetime) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Count what was approved, done at the console and refused, by the type and the reason of the hour's events.

    :return: that, and what was given and refused at each application.
    """
    # Not the columns themselves: grouped by one with an index, the whole log is read in its order.
    kind, reason = func.lower(AuditEvent.type), func.coalesce(AuditEvent.reason, "")
    client = func.coalesce(AuditEvent.client_id, "")
    rows = session.execute(
        select(kind, AuditEvent.outcome, reason, client, func.count())
        .where(AuditEvent.occurred_at >= hour, AuditEvent.occurred_at < hour + HOUR)
        .group_by(kind, AuditEvent.outcome, reason, client)
    )
    counts: Counter[str] = Counter()
    of_applications: Counter[tuple[str, str]] = Counter()
    for type_, outcome, why, client_id, amount in rows:
        name = name_of(type_, outcome, why)
        if client_id and name:
            of_applications[client_id, name] += amount
        if outcome == Outcome.REFUSED.value:
            counts[f"{REFUSED}{why or type_}"[:40]] += amount
        elif outcome == Outcome.SUCCESS.value and type_ in APPROVALS:
            counts[APPROVED] += amount
        if type_.startswith("admin:") and type_ not in SESSIONS:
            counts[ACTS] += amount
        if type_.startswith(TOLD):
            counts[f"{DONE if outcome == Outcome.SUCCESS.value else NOT_DONE}{type_}"[:40]] += amount
    return counts, of_applications


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour in which ``moment`` is."""
    return moment.replace(minute=0, second=0, microsecond=0)
