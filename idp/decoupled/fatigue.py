"""Nobody is bombed with requests until he presses "yes" (multi-factor fatigue).

What is too much is *muted*: written down and on record, but shown to nobody; for the client it looks like a person who
does not answer, so that nothing here tells who exists. What a client does too often with one hint, whoever the hint
fits, it is told (429).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idp.accounts.person import hold_person
from idp.authentication.throttle import Limit, take_try, throttle_key
from idp.clients.policy import CIBA
from idp.decoupled.model import DecoupledRequestRow
from idp.decoupled.request import Decision
from idp.services import IdpServices
from kernel.errors import NotFound, Throttled

BY_CLIENT_AND_HINT = Limit("approval-hint", 5, timedelta(minutes=5))
SHOWN_TO_A_PERSON = Limit("approval-person", 12, timedelta(hours=1))
_NOBODY = "nobody"
WAITING_AT_ONCE = 3
PAUSE_AFTER_DENIAL = timedelta(minutes=5)
PAUSE_AFTER_DISOWNED = timedelta(hours=24)


def require_few_requests(session: Session, services: IdpServices, *, client_id: str, hint: str, now: datetime) -> None:
    """Count a request of the client with this hint. :raises Throttled: (``too_many_tries``) five minutes' worth."""
    key = throttle_key(services, BY_CLIENT_AND_HINT, client_id, " ".join(hint.split()).lower())
    take_try(session, key=key, limit=BY_CLIENT_AND_HINT, now=now)


def reason_to_mute(
    session: Session, services: IdpServices, *, person_id: str | None, client_id: str, now: datetime
) -> str | None:
    """Return why the person is not to be shown one more request, or nothing.

    The person's row is held: of any number at once the limits count exactly. For nobody the same work is done, so that
    its time tells nothing.
    """
    found = _reason(session, services, person_id=person_id or _NOBODY, client_id=client_id, now=now)
    return found if person_id else _NOBODY


def _reason(session: Session, services: IdpServices, *, person_id: str, client_id: str, now: datetime) -> str | None:
    with suppress(NotFound):
        hold_person(session, person_id)
    of_person = select(func.count()).where(
        DecoupledRequestRow.person_id == person_id,
        DecoupledRequestRow.grant_type == CIBA,
        DecoupledRequestRow.muted.is_(False),
    )
    waiting = of_person.where(DecoupledRequestRow.decision.is_(None), DecoupledRequestRow.expires_at > now)
    if (session.scalar(waiting) or 0) >= WAITING_AT_ONCE:
        return "too_many_waiting"
    of_client = of_person.where(DecoupledRequestRow.client_id == client_id)
    for decision, pause in ((Decision.DISOWNED, PAUSE_AFTER_DISOWNED), (Decision.DENIED, PAUSE_AFTER_DENIAL)):
        said_no = of_client.where(
            DecoupledRequestRow.decision == decision.value, DecoupledRequestRow.decided_at > now - pause
        )
        if session.scalar(said_no):
            return f"just_{decision.value}"
    try:
        key = throttle_key(services, SHOWN_TO_A_PERSON, person_id, client_id if person_id == _NOBODY else "")
        take_try(session, key=key, limit=SHOWN_TO_A_PERSON, now=now)
    except Throttled:
        return "too_many_in_an_hour"
    return None
