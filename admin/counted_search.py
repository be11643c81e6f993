"""The events behind a number of the anomalies: a search by the same condition that the hour's count has.

What ``admin.hour_counts`` counts under a name is found here by that name; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from admin.anomalies import out_of_hours_windows
from admin.hour_counts import ACTS, APPROVALS, APPROVED, FAILED, FAILED_LOGINS, NEW_DEVICES, REFUSED, SESSIONS, STARTED
from audit.search import CountedFilter, EventFilter
from audit.vocabulary import EventType, Outcome
from idp.clients.environment import TEST_PREFIX
from kernel.errors import Rejected

#: No anomaly is about more days than these.
_LONGEST = timedelta(days=62)
_CUT = 40 - len(REFUSED)


def counted_filter(name: str, filters: EventFilter) -> EventFilter:
    """Return ``filters`` narrowed to what is counted under ``name``; ``refused:REASON`` for one reason.

    :raises Rejected: (``bad_counted``) for a name that is not counted, or for nights of more than two months.
    """
    if name.startswith(REFUSED):
        cause = name.removeprefix(REFUSED)
        return _narrow(filters, outcome=Outcome.REFUSED.value, cause=cause, cause_is_cut=len(cause) == _CUT)
    narrow = _NARROWED.get(name)
    if narrow is None:
        raise Rejected("Nothing is counted by this name.", code="bad_counted")
    return narrow(filters)


def _approved(filters: EventFilter) -> EventFilter:
    if filters.since is None or filters.until is None or filters.until - filters.since > _LONGEST:
        raise Rejected("Say of which days.", code="bad_counted")
    windows = out_of_hours_windows(filters.since, filters.until)
    return _narrow(filters, types=_values(APPROVALS), outcome=Outcome.SUCCESS.value, windows=windows)


def _narrow(filters: EventFilter, **more: Any) -> CountedFilter:
    return CountedFilter(**{**vars(filters), **more})


def _values(kinds: tuple[EventType, ...]) -> tuple[str, ...]:
    return tuple(kind.value for kind in kinds)


_NARROWED: Mapping[str, Callable[[EventFilter], EventFilter]] = {
    STARTED: lambda filters: _narrow(filters, types=(EventType.SESSION_STARTED.value,), but_subjects_like=TEST_PREFIX),
    FAILED: lambda filters: _narrow(
        filters, types=_values(FAILED_LOGINS), but_outcome=Outcome.SUCCESS.value, but_subjects_like=TEST_PREFIX
    ),
    APPROVED: _approved,
    NEW_DEVICES: lambda filters: _narrow(
        filters,
        types=(EventType.MAIL_SENT.value,),
        leaf_holds=b'"template":"new_device"',
        but_subjects_like=TEST_PREFIX,
    ),
    ACTS: lambda filters: _narrow(filters, type="admin:*", but_types=_values(SESSIONS)),
}


def last_counted(moments: Mapping[datetime, object]) -> datetime | None:
    """Return when the last counted hour was over; None before the first."""
    return max(moments) + timedelta(hours=1) if moments else None
