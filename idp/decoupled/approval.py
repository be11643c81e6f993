"""The person's side of backchannel authentication: what waits, and the answer (CIBA Core §8)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authentication.assurance import satisfies
from idp.clients.client import find_client
from idp.clients.policy import CIBA
from idp.decoupled.model import DecoupledRequestRow
from idp.decoupled.ping import queue_ping
from idp.decoupled.question import Question, answer, ask
from idp.decoupled.request import Approver, Decision, DecoupledRequest, find_request
from idp.directory.institutions import find_institution
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed, Conflict, Denied, NotFound

_EVENTS = {
    Decision.ALLOWED: EventType.BACKCHANNEL_ALLOWED,
    Decision.DENIED: EventType.BACKCHANNEL_DENIED,
    Decision.DISOWNED: EventType.BACKCHANNEL_DISOWNED,
}


@dataclass(frozen=True)
class WaitingApproval:
    """A request that waits for the person. :ivar institution: name of who answers for the application, or empty."""

    request: DecoupledRequest
    client_name: str
    institution: str


def list_waiting(session: Session, *, person_id: str, now: datetime) -> list[WaitingApproval]:
    """Return what waits for the person's approval, oldest first."""
    rows = session.scalars(
        select(DecoupledRequestRow)
        .where(
            DecoupledRequestRow.person_id == person_id,
            DecoupledRequestRow.grant_type == CIBA,
            DecoupledRequestRow.muted.is_(False),
            DecoupledRequestRow.decision.is_(None),
            DecoupledRequestRow.expires_at > now,
        )
        .order_by(DecoupledRequestRow.created_at, DecoupledRequestRow.id)
    )
    waiting = []
    for row in rows:
        client = find_client(session, row.client_id)
        institution = find_institution(session, client.institution_id).name if client.institution_id else ""
        waiting.append(WaitingApproval(DecoupledRequest.of(row), client.name, institution))
    return waiting


def find_approval(
    session: Session, *, request_id: str, person_id: str, preferred: str | None = None, now: datetime
) -> Question:
    """Return what the person is asked by the request.

    :param preferred: the institution that was chosen in this browser's session.
    :raises NotFound: (``unknown_request``), those of others and muted ones too.
    :raises AlreadyConsumed: (``request_decided``). :raises Conflict: (``request_expired``).
    :raises Rejected: (``client_disabled``).
    """
    request = find_request(session, request_id)
    if request is None or request.person_id != person_id or request.muted or request.grant_type != CIBA:
        raise NotFound("There is no such request.", code="unknown_request")
    if request.decision is not None:
        raise AlreadyConsumed("This request is decided.", code="request_decided")
    if not request.is_waiting(now):
        raise Conflict("This request is too old.", code="request_expired")
    return ask(session, request=request, person_id=person_id, preferred=preferred, now=now)


def decide_approval(
    session: Session,
    *,
    services: IdpServices,
    request_id: str,
    browser_session: Approver,
    decision: Decision,
    chosen: Collection[str],
    institution: str | None = None,
    channel: str = "browser",
    now: datetime,
) -> Question:
    """Take the person's decision; consent, decision, event and the client's notification are one transaction.

    :param institution: id of the one that was chosen, empty for none; None: the channel cannot ask.
    :raises Rejected: (``institution_needed``) if the person works for several and has not chosen.
    :param channel: where it was given: ``browser``, ``ussd``.
    :raises Denied: (``weak_session``) if an approval needs a stronger login than the session's; saying no never does.
    :raises ServiceError: as :func:`find_approval` does.
    """
    question = find_approval(session, request_id=request_id, person_id=browser_session.person_id, now=now)
    request, client = question.request, question.client
    if decision is Decision.ALLOWED and not satisfies(
        browser_session.acr, request.required_acr, level=browser_session.level
    ):
        raise Denied("Log in more strongly first.", code="weak_session")
    answer(
        session,
        services=services,
        question=question,
        browser_session=browser_session,
        decision=decision,
        chosen=chosen,
        institution=institution,
        now=now,
    )
    allowed = decision is Decision.ALLOWED
    event = Event(
        type=_EVENTS[decision],
        outcome=Outcome.SUCCESS if allowed else Outcome.REFUSED,
        reason=None if allowed else "access_denied",
        subject=browser_session.person_id,
        client_id=client.client_id,
        session_id=browser_session.sid,
        object_id=request.id,
        details={"scopes": list(request.scopes), "acr": browser_session.acr, "channel": channel},
    )
    services.journal.record(session, event, now=now)
    # CIBA Core §10.2: after a refusal too.
    queue_ping(session, client=client, request=request, now=now)
    return question
