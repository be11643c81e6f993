"""Time as an input: rules never read the clock, they are given ``now``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

#: By how much clocks of two machines may differ. What was made later than that from now was made by a clock that led
#: and was set right since; it would live as much too long, and is not believed.
MOST_SKEW = timedelta(minutes=2)


class Clock(Protocol):
    """Anything that tells the time."""

    def now(self) -> datetime:
        """Return the present moment as an aware UTC datetime."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment as an aware UTC datetime."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands until it is moved: for tests and rehearsals.

    :param start: an aware datetime.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment at which the clock stands (aware, UTC)."""
        return self._now

    def advance(self, step: timedelta) -> datetime:
        """Move the clock by ``step`` and return the new moment."""
        self._now += step
        return self._now


def to_timestamp(moment: datetime) -> int:
    """Return whole seconds since the Unix epoch (RFC 7519 NumericDate, rounded down)."""
    return int(moment.timestamp())


def from_timestamp(seconds: float) -> datetime:
    """Return the aware UTC datetime of ``seconds`` since the Unix epoch."""
    return datetime.fromtimestamp(seconds, UTC)
