"""What is unlike the usual: of hours that were counted, never of the log itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from admin.hour_counts import APPROVED, HOUR, STARTED, counted_hours
from admin.overview import ECUADOR, start_of_day

Counted = Mapping[datetime, Mapping[str, int]]
WEEKS_OF_USUAL = 8
HOURS_SHOWN = 48
DAYS_SHOWN = 28
_OFFICE = range(7, 19)
_WORKDAYS = range(5)
# A few more than usual at night is chance: what is told is above both.
_TIMES, _AT_LEAST = 2.0, 5.0
# A share is told from ten points beside the usual, on a day with logins enough for a share.
_POINTS, _FEWEST_LOGINS = 10.0, 20


@dataclass(frozen=True)
class HourBeside:
    """An hour and what is usual at that hour of that weekday; ``usual`` is None where no such hour was counted."""

    hour: datetime
    amount: int
    usual: float | None

    @property
    def excess(self) -> float:
        """By how much it is above what may be expected; not above zero: nothing to tell."""
        return 0.0 if self.usual is None else self.amount - max(self.usual * _TIMES, self.usual + _AT_LEAST)


def read_counts(session: Session, *, names: tuple[str, ...], prefixes: tuple[str, ...] = (), now: datetime) -> Counted:
    """Return what was counted of the weeks that the plots look at."""
    since = now - timedelta(weeks=WEEKS_OF_USUAL, days=3)
    return counted_hours(session, since=since, names=names, prefixes=prefixes)


def hours_beside_usual(counted: Counted, name: str) -> list[HourBeside]:
    """Return the last two days of counted hours, each beside the mean of that hour and weekday in weeks before."""
    if not counted:
        return []
    last = max(counted)
    shown = [hour for hour in (last - HOUR * back for back in reversed(range(HOURS_SHOWN))) if hour in counted]
    return [HourBeside(hour, counted[hour].get(name, 0), _usual(counted, hour, name)) for hour in shown]


def by_day(counted: Counted, name: str, *, now: datetime, out_of_hours: bool = False) -> list[tuple[datetime, int]]:
    """Return the last four weeks by day in Ecuador; with ``out_of_hours`` only nights and weekends count."""
    first = start_of_day(now) - timedelta(days=DAYS_SHOWN - 1)
    sums = {first + timedelta(days=day): 0 for day in range(DAYS_SHOWN)}
    for hour, told in counted.items():
        day = start_of_day(hour)
        if day in sums and (not out_of_hours or is_out_of_hours(hour)):
            sums[day] += told.get(name, 0)
    return sorted(sums.items())


def is_out_of_hours(moment: datetime) -> bool:
    """Whether ``moment`` is before seven, after seven in the evening, or on a weekend, in Ecuador."""
    local = moment.astimezone(ECUADOR)
    return local.weekday() not in _WORKDAYS or local.hour not in _OFFICE


def out_of_hours_windows(since: datetime, until: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Return the hours of a span for which :func:`is_out_of_hours` holds, those beside each other as one span."""
    windows: list[tuple[datetime, datetime]] = []
    hour = since.replace(minute=0, second=0, microsecond=0)
    while hour < until:
        start, end = max(hour, since), min(hour + HOUR, until)
        if is_out_of_hours(hour):
            if windows and windows[-1][1] == start:
                windows[-1] = (windows[-1][0], end)
            else:
                windows.append((start, end))
        hour += HOUR
    return tuple(windows)


def approvals_out_of_hours(counted: Counted, *, now: datetime) -> list[tuple[datetime, int]]:
    """Return by day what was approved at night or on a weekend."""
    return by_day(counted, APPROVED, now=now, out_of_hours=True)


@dataclass(frozen=True)
class Share:
    """How much of the logins of a day had a factor or a strength, beside the days before.

    :ivar share: of that day, in percent; ``usual``: of the days before together, None if none of them had a login.
    """

    name: str
    amount: int
    share: float
    usual: float | None

    @property
    def excess(self) -> float:
        """By how many points it is further from the usual than chance explains; not above zero: nothing to tell."""
        return 0.0 if self.usual is None else abs(self.share - self.usual) - _POINTS


@dataclass(frozen=True)
class DayShares:
    """The last whole day that was counted. :ivar logins: of that day; shares of few logins say nothing."""

    day: datetime
    logins: int
    shares: tuple[Share, ...]

    @property
    def worst(self) -> Share | None:
        """The share that is furthest from the usual, if that is more than chance."""
        found = max(self.shares, key=lambda each: each.excess, default=None)
        return found if found and found.excess > 0 and self.logins >= _FEWEST_LOGINS else None


def shares_beside_usual(counted: Counted, prefix: str, *, now: datetime) -> DayShares:
    """Return for the day before today how logins divide among what begins with ``prefix``, beside four weeks before."""
    day = start_of_day(now) - timedelta(days=1)
    first = day - timedelta(days=DAYS_SHOWN)
    then: Counter[str] = Counter()
    before: Counter[str] = Counter()
    for hour, told in counted.items():
        of = start_of_day(hour)
        if of == day:
            then.update(told)
        elif first <= of < day:
            before.update(told)
    names = {name for name in (*then, *before) if name.startswith(prefix)}
    logins, earlier = then[STARTED], before[STARTED]
    shares = [
        Share(
            name=name.removeprefix(prefix),
            amount=then[name],
            share=100 * then[name] / logins if logins else 0.0,
            usual=100 * before[name] / earlier if earlier else None,
        )
        for name in names
    ]
    return DayShares(day, logins, tuple(sorted(shares, key=lambda each: (-each.share, each.name))))


def _usual(counted: Counted, hour: datetime, name: str) -> float | None:
    before = [hour - timedelta(weeks=back) for back in range(1, WEEKS_OF_USUAL + 1)]
    found = [counted[each].get(name, 0) for each in before if each in counted]
    return sum(found) / len(found) if found else None
