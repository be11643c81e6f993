"""Looking into the evidence: every look is itself an event, and a look at a person needs a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.person_lookup import require_reason
from admin.services import AdminServices
from audit.cosigned import WitnessStatus, witness_status
from audit.event import Event
from audit.findings import LogTamperedError, VerificationReport
from audit.inspection import verify_stored_log
from audit.model import AuditEvent
from audit.privacy import HolderKeys
from audit.search import EventFilter, EventPage, EventView, find_event, search_events
from audit.signed_log import SignedLog, key_in_use
from audit.tree_store import latest_checkpoint
from audit.vocabulary import EventType, Outcome
from kernel.errors import Denied

PAGE_SIZE = 50
EXPORT_LIMIT = 10_000
# A reason given for looking at a person holds for the pages that follow, this long.
REASON_LIFETIME = timedelta(hours=1)
_PERSON_ID = re.compile("[0-9a-z]{26}", re.IGNORECASE)
_RECENT = 20_000
_STALE = timedelta(minutes=2)


def require_reason_given(session: Session, *, person_id: str, actor: str, now: datetime) -> None:
    """:raises Denied: (``reason_needed``) unless ``actor`` gave a reason for looking at the person this hour."""
    given = session.scalar(
        select(AuditEvent.id)
        .where(
            AuditEvent.type == EventType.PERSON_LOOKED_UP.value,
            AuditEvent.subject == person_id,
            AuditEvent.actor == actor,
            AuditEvent.outcome == Outcome.SUCCESS.value,
            AuditEvent.occurred_at > now - REASON_LIFETIME,
        )
        .limit(1)
    )
    if given is None:
        raise Denied("Say first why you look at this person.", code="reason_needed")


def searched_person(filters: EventFilter) -> str | None:
    """Return the person whom the search is about, or who acted: the id of one; None if it names nobody."""
    if filters.about is not None:
        return filters.about
    return filters.actor if filters.actor is not None and _PERSON_ID.fullmatch(filters.actor) else None


def require_reason_for(session: Session, *, filters: EventFilter, actor: str, now: datetime) -> None:
    """:raises Denied: (``reason_needed``) if the search names a person and ``actor`` gave no reason for it."""
    if filters.about is not None:
        require_reason_given(session, person_id=filters.about, actor=actor, now=now)
    if filters.actor is not None and _PERSON_ID.fullmatch(filters.actor):
        require_reason_given(session, person_id=filters.actor, actor=actor, now=now)


def search_evidence(
    session: Session,
    *,
    services: AdminServices,
    filters: EventFilter,
    filter_names: Mapping[str, str],
    after: str | None,
    limit: int = PAGE_SIZE,
    actor: str,
    now: datetime,
) -> EventPage:
    """Return a page of events and put the search on record.

    :param filter_names: the filters as they stand in the address: public values.
    """
    require_reason_for(session, filters=filters, actor=actor, now=now)
    page = search_events(session, filters=filters, after=after, limit=limit)
    _record(session, services, EventType.AUDIT_SEARCHED, filter_names, actor=actor, now=now, found=len(page.events))
    return page


def export_evidence(
    session: Session,
    *,
    services: AdminServices,
    filters: EventFilter,
    filter_names: Mapping[str, str],
    actor: str,
    now: datetime,
) -> list[EventView]:
    """Return up to ``EXPORT_LIMIT`` events, newest first, and put the export on record."""
    require_reason_for(session, filters=filters, actor=actor, now=now)
    found: list[EventView] = []
    after: str | None = None
    while len(found) < EXPORT_LIMIT:
        page = search_events(session, filters=filters, after=after, limit=min(500, EXPORT_LIMIT - len(found)))
        found += page.events
        after = page.next_cursor
        if after is None:
            break
    _record(session, services, EventType.AUDIT_EXPORTED, filter_names, actor=actor, now=now, found=len(found))
    return found


def read_event(session: Session, *, services: AdminServices, event_id: str, actor: str, now: datetime) -> EventView:
    """Return one event with its personal data sealed; the look is on record. :raises NotFound: ``event_not_found``."""
    found = find_event(session, event_id)
    services.journal.record(
        session,
        Event(type=EventType.AUDIT_SEARCHED, actor=actor, object_id=event_id, details={"found": 1}),
        now=now,
    )
    return found


def reveal_event(
    session: Session,
    *,
    services: AdminServices,
    holder_keys: HolderKeys,
    event_id: str,
    reason: str,
    actor: str,
    now: datetime,
) -> EventView:
    """Return one event with its personal data in clear; who looked and why is on record.

    :raises Rejected: the reason is none. :raises NotFound: ``event_not_found``.
    """
    why = require_reason(reason)
    found = find_event(session, event_id, reveal_with=holder_keys)
    services.journal.record(
        session,
        Event(
            type=EventType.AUDIT_SEARCHED,
            subject=found.subject,
            actor=actor,
            object_id=event_id,
            details={"found": 1, "revealed": True},
            private={"why": why},
        ),
        now=now,
    )
    return found


@dataclass(frozen=True)
class Integrity:
    """What the last signed checkpoint says. ``size`` counts records; ``stale``: it is older than it should be.

    :ivar witnesses: what each witness that the settings name knows.
    :ivar log_key: the log's public key as a note names it; empty before there is one.
    :ivar certificate: that of the key, if the authority has issued one.
    """

    size: int
    signed_at: datetime | None
    stale: bool
    witnesses: tuple[WitnessStatus, ...] = ()
    log_key: str = ""
    certificate: x509.Certificate | None = None

    @property
    def accused(self) -> bool:
        """Whether a witness knows another history of the log."""
        return any(witness.accuses for witness in self.witnesses)

    @property
    def witnessed(self) -> int:
        """How many witnesses co-signed when they were asked last."""
        return sum(witness.problem is None for witness in self.witnesses)


def integrity(session: Session, *, log: SignedLog, now: datetime) -> Integrity:
    """Return the state of the log's seal."""
    checkpoint = latest_checkpoint(session)
    names = [witness.key.name for witness in log.policy.witnesses]
    witnesses = tuple(witness_status(session, origin=key_in_use(session, log).name, witnesses=names)) if names else ()
    if checkpoint is None:
        return Integrity(size=0, signed_at=None, stale=True, witnesses=witnesses)
    chain = log.certificate_chain(session)
    waiting = session.scalar(
        select(AuditEvent.occurred_at).where(AuditEvent.log_index.is_(None)).order_by(AuditEvent.occurred_at).limit(1)
    )
    return Integrity(
        size=checkpoint.size,
        signed_at=checkpoint.signed_at,
        stale=waiting is not None and waiting < now - _STALE,
        witnesses=witnesses,
        log_key=str(key_in_use(session, log)),
        certificate=x509.load_der_x509_certificate(chain[0]) if chain else None,
    )


def check_recent(services: AdminServices, *, actor: str, now: datetime) -> VerificationReport:
    """Recompute the last records of the log, put the outcome on record and return it, intact or not."""
    with services.database.reading() as session:
        checkpoint = latest_checkpoint(session)
    since = max(0, (checkpoint.size if checkpoint else 0) - _RECENT)
    try:
        report = verify_stored_log(services.audit, since=since)
    except LogTamperedError as error:
        report = error.report
    first = report.first
    with services.database.transaction() as session:
        services.journal.record(
            session,
            Event(
                type=EventType.AUDIT_CHECKED,
                outcome=Outcome.FAILURE if first else Outcome.SUCCESS,
                reason=first.kind.value if first else None,
                actor=actor,
                details={"since": report.first_index, "size": report.size, "findings": len(report.findings)},
            ),
            now=now,
        )
    return report


def _record(
    session: Session,
    services: AdminServices,
    kind: EventType,
    filters: Mapping[str, str],
    *,
    actor: str,
    now: datetime,
    found: int,
) -> None:
    asked = [f"{name}={value}" for name, value in sorted(filters.items()) if value and name not in ("person", "actor")]
    named = [filters.get(name) for name in ("person", "actor")]
    person = next((each for each in named if each and _PERSON_ID.fullmatch(each)), None)
    if filters.get("actor") and filters["actor"] != person:
        asked.insert(0, f"actor={filters['actor']}")
    services.journal.record(
        session,
        Event(type=kind, subject=person, actor=actor, details={"filters": asked, "found": found}),
        now=now,
    )
