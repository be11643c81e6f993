"""Where a person's sessions were begun, as far as that is known: the evidence says so, under the person's own key."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.model import AuditEvent
from audit.search import find_event
from audit.vocabulary import EventType
from idp.services import IdpServices


def find_session_addresses(
    session: Session, *, services: IdpServices, person_id: str, sids: Collection[str]
) -> dict[str, str]:
    """Return by ``sid`` the network address that the person's session was begun from; unknown ones are left out."""
    rows = session.execute(
        select(AuditEvent.id, AuditEvent.session_id).where(
            AuditEvent.subject == person_id,
            AuditEvent.actor == person_id,
            AuditEvent.type == EventType.SESSION_STARTED.value,
            AuditEvent.session_id.in_(sids),
        )
    ).all()
    found: dict[str, str] = {}
    for event_id, sid in rows:
        # The person reads about himself: no search that would have to be on record.
        private = find_event(session, event_id, reveal_with=services.journal.holder_keys).private or {}
        if sid and private.get("address"):
            found[sid] = private["address"]
    return found
