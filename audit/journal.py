"""The journal: an event is written in the transaction of the state change that it records, or neither is."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from sqlalchemy.orm import Session

from audit.event import Event, canonical_json
from audit.model import AuditEvent
from audit.privacy import HolderKeys, conceal
from kernel.errors import ServiceError
from kernel.identifiers import new_id, new_secret
from kernel.origin import current_origin

LEAF_VERSION = 1
_TEXT_LIMIT = 512


class Journal:
    """Writes events.

    :param holder_keys: keys under which personal data is sealed.
    :param node: the name of this machine or process group, for the leaf.
    """

    def __init__(self, holder_keys: HolderKeys, *, node: str) -> None:
        self.holder_keys = holder_keys
        self._node = node

    def record(self, session: Session, event: Event, *, now: datetime) -> str:
        """Add ``event`` to the caller's transaction and return its id."""
        event_id, salt, origin = new_id(), new_secret(16), current_origin()
        private = {name: value[:_TEXT_LIMIT] for name, value in event.private.items()}
        if origin.address:
            private["address"] = origin.address
        if origin.user_agent:
            private["user_agent"] = origin.user_agent[:_TEXT_LIMIT]
        actor = event.actor or event.subject or (origin.channel if origin.channel != "web" else None)
        leaf: dict[str, object] = {
            "v": LEAF_VERSION,
            "id": event_id,
            "type": event.type.value,
            "occurred_at": now.isoformat(timespec="microseconds"),
            "outcome": event.outcome.value,
            "reason": event.reason,
            "subject": event.subject,
            "actor": actor,
            "client_id": event.client_id,
            "session_id": event.session_id,
            "object_id": event.object_id,
            "request_id": origin.request_id or None,
            "channel": origin.channel,
            "node": self._node,
            "details": dict(event.details),
            "salt": salt,
        }
        leaf = {name: value for name, value in leaf.items() if value is not None}
        if private:
            holder = event.subject or f"service:{now:%Y-%m}"
            key = self.holder_keys.obtain(session, holder, now=now)
            leaf["holder"] = holder
            leaf["private"] = conceal(private, key=key, event_id=event_id, salt=salt)
        session.add(
            AuditEvent(
                id=event_id,
                type=event.type.value,
                occurred_at=now,
                outcome=event.outcome.value,
                reason=event.reason,
                subject=event.subject,
                actor=actor,
                client_id=event.client_id,
                session_id=event.session_id,
                request_id=origin.request_id or None,
                object_id=event.object_id,
                leaf=canonical_json(leaf),
            )
        )
        return event_id

    def refuse(self, session: Session, event: Event, error: ServiceError, *, now: datetime) -> NoReturn:
        """Record ``event`` and raise ``error`` so that the transaction commits: the refusal itself is on record.

        Call it before anything else was changed that must not stay: whatever the transaction holds is committed.
        """
        self.record(session, event, now=now)
        error.commits = True
        raise error
