"""Requests that the plumbing refused before any house saw them: on record like every other refusal."""

from __future__ import annotations

from typing import Any

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from composition import Composition
from web.state import OnRefusal


def refusal_recorder(composition: Composition) -> OnRefusal:
    """Return what ``web`` calls with a reason and public details when it refuses a request."""

    def record(reason: str, details: dict[str, Any]) -> None:
        event = Event(
            type=EventType.REQUEST_REFUSED, outcome=Outcome.REFUSED, reason=reason, actor="anonymous", details=details
        )
        with composition.database.transaction() as session:
            composition.journal.record(session, event, now=composition.clock.now())

    return record
