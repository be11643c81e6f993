"""Questions that the index on the time must answer, and no other one; and the days of the console."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sqlalchemy import ColumnElement, case

# Continental Ecuador keeps UTC−5 all year (since 1992): days and hours of the console are those.
ECUADOR = timezone(timedelta(hours=-5))


def filtered(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return ``condition`` in a form that no index answers.

    Beside a window of time a planner without statistics takes the index on an equality: then an hour's logins are
    looked for among all logins that ever were.
    """
    return case((condition, 1), else_=0) == 1


def start_of_day(moment: datetime) -> datetime:
    """Return midnight in Ecuador of the day that ``moment`` falls in (aware)."""
    return moment.astimezone(ECUADOR).replace(hour=0, minute=0, second=0, microsecond=0)
