"""The evidence, by the API: searching it (on record), one event with its proof, the state of its seal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from admin.api.operation import Call, Document, Lines, Operation
from admin.evidence import integrity, read_event, search_evidence
from admin.permissions import Permission
from audit.proofs import prove_event
from audit.search import EventFilter, EventView
from kernel.errors import Rejected


class EventDocument(Document):
    """An event. Personal data stay sealed here: whoever must read them gives a reason on the console's page."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XK"])
    type: str = Field(examples=["ca:certificate:revoked"])
    occurred_at: datetime
    outcome: str = Field(examples=["success"])
    reason: str | None
    subject: str | None
    actor: str | None
    client_id: str | None
    object_id: str | None
    request_id: str | None
    log_index: int | None
    details: dict[str, Any] = Field(examples=[{"reason": "superseded"}])


class ProofDocument(Document):
    """The event's leaf and the way from it to a signed checkpoint, for anyone to check."""

    format: str = Field(examples=["sau-proof-1"])
    leaf: str = Field(examples=["{}"])
    index: int
    hashes: list[str] = Field(examples=[["n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="]])
    checkpoint: str = Field(examples=["sau.gob.example/audit\n4\n…"])
    log_key: str = Field(examples=["sau.gob.example/audit+1a2b3c4d+…"])


class IntegrityDocument(Document):
    """What the last signed checkpoint says. ``size`` counts records; ``stale``: it is older than it should be."""

    size: int
    signed_at: datetime | None
    stale: bool
    witnessed: int = Field(description="How many witnesses co-signed when they were asked last.")
    accused: bool = Field(description="Whether a witness knows another history of the log.")


def list_events(call: Call) -> Lines:
    """Return a page of events, newest first; the search is on record. :raises Rejected: ``bad_moment``."""
    told = call.query
    page = search_evidence(
        call.session,
        services=call.services,
        filters=EventFilter(
            type=told["type"] or None,
            outcome=told["outcome"] or None,
            client_id=told["client"] or None,
            object_id=told["object"] or None,
            request_id=told["request"] or None,
            since=_moment(told["since"]),
            until=_moment(told["until"]),
        ),
        filter_names=told,
        after=call.wanted.after or None,
        limit=call.wanted.limit,
        actor=call.caller.actor,
        now=call.now,
    )
    return Lines([_event(each) for each in page.events], page.next_cursor or "")


def show_event(call: Call) -> Document:
    """Return one; the look is on record. :raises NotFound: ``event_not_found``."""
    event_id = call.path["event_id"]
    return _event(
        read_event(call.session, services=call.services, event_id=event_id, actor=call.caller.actor, now=call.now)
    )


def prove(call: Call) -> Document:
    """Return its proof; on record. :raises NotFound: ``event_not_found``, ``event_not_sequenced``."""
    event_id, log = call.path["event_id"], call.services.audit
    read_event(call.session, services=call.services, event_id=event_id, actor=call.caller.actor, now=call.now)
    found = prove_event(call.session, event_id, log_key=log.log_key(log.origin))
    return ProofDocument.model_validate(found.as_document())


def show_integrity(call: Call) -> Document:
    """Return the state of the seal."""
    found = integrity(call.session, log=call.services.audit, now=call.now)
    return IntegrityDocument(
        size=found.size,
        signed_at=found.signed_at,
        stale=found.stale,
        witnessed=found.witnessed,
        accused=found.accused,
    )


def _moment(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text) if text else None
        return parsed.astimezone(UTC) if parsed and parsed.tzinfo else parsed and parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Rejected("since, until: a time of ISO 8601.", code="bad_moment") from error


def _event(found: EventView) -> EventDocument:
    return EventDocument(
        id=found.id,
        type=found.type,
        occurred_at=found.occurred_at,
        outcome=found.outcome,
        reason=found.reason,
        subject=found.subject,
        actor=found.actor,
        client_id=found.client_id,
        object_id=found.object_id,
        request_id=found.request_id,
        log_index=found.log_index,
        details=dict(found.details),
    )


OPERATIONS = (
    Operation(
        name="list_events",
        path="/events",
        summary="Events, newest first; the search is itself on record.",
        permission=Permission.AUDIT_SEARCH,
        item=EventDocument,
        handler=list_events,
        key="id",
        filters=("type", "outcome", "client", "object", "request", "since", "until"),
        paged=True,
        recorded=True,
        pages=("admin_audit.search",),
    ),
    Operation(
        name="show_event",
        path="/events/{event_id}",
        summary="One event; the look is itself on record.",
        permission=Permission.AUDIT_SEARCH,
        item=EventDocument,
        handler=show_event,
        recorded=True,
        pages=("admin_audit.show",),
    ),
    Operation(
        name="prove_event",
        path="/events/{event_id}/proof",
        summary="The proof that the event is in the log.",
        permission=Permission.AUDIT_EXPORT,
        item=ProofDocument,
        handler=prove,
        recorded=True,
        pages=("admin_audit.proof",),
    ),
    Operation(
        name="show_integrity",
        path="/integrity",
        summary="The state of the log's seal and its witnesses.",
        permission=Permission.AUDIT_SEARCH,
        item=IntegrityDocument,
        handler=show_integrity,
        pages=("admin_audit.check_form",),
    ),
)
