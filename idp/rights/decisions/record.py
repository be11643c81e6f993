"""What is put on record of decisions: each denial; of what is allowed, each right's first use in an hour.

A portal asks at each page: an event for each yes would drown the log in what the assignment itself already says.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.rights.decisions.decide import Decision
from idp.rights.holdings import note_use, used_lately
from idp.services import IdpServices


def is_worth_recording(decisions: Sequence[Decision], *, now: datetime) -> bool:
    """Tell whether :func:`record_decisions` would write anything."""
    return any(not each.allowed or (each.holding and not used_lately(each.holding, now)) for each in decisions)


def record_decisions(
    session: Session, *, services: IdpServices, client: Client, decisions: Sequence[Decision], now: datetime
) -> None:
    """Write the events of a request: one for all denials of a person, one for all rights first used in this hour."""
    denied = [each for each in decisions if not each.allowed]
    for person_id in dict.fromkeys(each.person_id for each in denied):
        of_person = [each for each in denied if each.person_id == person_id]
        event = Event(
            type=EventType.ACCESS_EVALUATED,
            outcome=Outcome.REFUSED,
            reason=of_person[0].reason or "bad_question",
            subject=person_id,
            actor=client.client_id,
            client_id=client.client_id,
            details={"permissions": sorted({each.permission or "" for each in of_person}), "number": len(of_person)},
        )
        services.journal.record(session, event, now=now)
    fresh = [each.holding for each in decisions if each.holding and not used_lately(each.holding, now)]
    for holding in {each.assignment_id: each for each in fresh}.values():
        if not note_use(session, [holding], now=now):
            continue  # another process was first
        event = Event(
            type=EventType.ACCESS_EVALUATED,
            subject=holding.person_id,
            actor=client.client_id,
            client_id=client.client_id,
            object_id=holding.assignment_id,
            details={"role": holding.role, "first_in_hour": True},
        )
        services.journal.record(session, event, now=now)


def refuse_caller(session: Session, *, services: IdpServices, reason: str, now: datetime) -> None:
    """Put on record that somebody without a token for it asked."""
    event = Event(type=EventType.ACCESS_REFUSED, outcome=Outcome.REFUSED, reason=reason[:64])
    services.journal.record(session, event, now=now)
