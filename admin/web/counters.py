"""How much waits for the operator on each page of the navigation, kept for half a minute: no page asks anew for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from flask import current_app, request

from admin.web.accessor import services
from admin.web.gate import Operator
from admin.web.waiting import SAID
from admin.what_waits import what_waits

KEPT = timedelta(seconds=30)
_MOST = 1_000
_Known = dict[str, tuple[datetime, object, Mapping[str, int]]]


def counters_of(operator: Operator) -> Mapping[str, int]:
    """Return by page how much waits for a decision of his; what he does himself is seen at once."""
    service, known = services(), _known()
    if request.method != "GET":
        known.pop(operator.person_id, None)
        return {}
    now = service.clock.now()
    kept = known.get(operator.person_id)
    if kept is not None and kept[0] > now and kept[1] == operator.powers:
        return kept[2]
    with service.database.reading() as session:
        found = what_waits(session, services=service, powers=operator.powers, actor=operator.person_id, now=now)
    counts: Counter[str] = Counter()
    for each in found:
        said = SAID[each.code]
        if not said.own:
            counts[said.tab] += each.count
    if len(known) >= _MOST:
        known.clear()
    known[operator.person_id] = (now + KEPT, operator.powers, counts)
    return counts


def _known() -> _Known:
    known: _Known = current_app.extensions.setdefault("admin_counters", {})
    return known
