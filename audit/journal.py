"""The journal: an event is written in the transaction of the state change that it records, or neither is."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import NoReturn, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from audit.event import Details, Event, canonical_json, fit, fit_details, fit_private
from audit.model import AuditEvent
from audit.numbering import Numbering
from audit.privacy import HolderKeys, conceal
from audit.receipt import receipt_text
from audit.tiles import ENTRY_LIMIT
from kernel.errors import ServiceError
from kernel.identifiers import new_id, new_nonce
from kernel.late_rows import insert_later
from kernel.origin import Origin, current_origin

LEAF_VERSION = 1
_TEXT_LIMIT = 512
_TIGHT_LIMIT = 64

# Columns that repeat the leaf to search by, with their widths.
COLUMNS = {
    "type": 64,
    "outcome": 8,
    "reason": 64,
    "subject": 64,
    "actor": 64,
    "client_id": 64,
    "session_id": 64,
    "request_id": 64,
    "object_id": 128,
}
_NO_COLUMNS: dict[str, object] = dict.fromkeys(COLUMNS)
_TABLE = cast(Table, AuditEvent.__table__)


class Journal:
    """Writes events.

    :param holder_keys: keys under which personal data is sealed.
    :param node: the name of this machine or process group, for the leaf.
    """

    def __init__(self, holder_keys: HolderKeys, *, node: str) -> None:
        self.holder_keys = holder_keys
        self._node = node
        self._numbering = Numbering()

    def record(self, session: Session, event: Event, *, now: datetime) -> str:
        """Add ``event`` to the caller's transaction and return its id. The row is written just before the commit.

        Whatever its texts hold, it becomes one leaf of at most 65,535 octets of plain ASCII: long texts are cut.
        """
        return self._write(session, event, now=now)[0]

    def record_with_receipt(self, session: Session, event: Event, *, now: datetime) -> str:
        """Do what :meth:`record` does and return the event's receipt (:mod:`audit.receipt`)."""
        return receipt_text(*self._write(session, event, now=now))

    def refuse(self, session: Session, event: Event, error: ServiceError, *, now: datetime) -> NoReturn:
        """Record ``event`` and raise ``error`` so that the transaction commits: the refusal itself is on record.

        Call it before anything else was changed that must not stay: whatever the transaction holds is committed.
        """
        self.record(session, event, now=now)
        error.commits = True
        raise error

    def _write(self, session: Session, event: Event, *, now: datetime) -> tuple[str, bytes]:
        event_id, now, origin = new_id(), now.astimezone(UTC), current_origin()
        columns, numbers = _columns(event, origin), self._numbering.take(session)
        leaf = self._leaf(session, event, origin, event_id, columns, numbers, now=now, limit=_TEXT_LIMIT)
        if len(leaf) > ENTRY_LIMIT:
            leaf = self._leaf(session, event, origin, event_id, columns, numbers, now=now, limit=_TIGHT_LIMIT)
        row = {**_NO_COLUMNS, **columns, "id": event_id, "occurred_at": now, "leaf": leaf}
        insert_later(session, _TABLE, row)
        return event_id, leaf

    def _leaf(
        self,
        session: Session,
        event: Event,
        origin: Origin,
        event_id: str,
        columns: dict[str, str],
        numbers: dict[str, object],
        *,
        now: datetime,
        limit: int,
    ) -> bytes:
        salt = new_nonce()
        told = _with_origin(event, origin) if origin.client_method or origin.application else event.details
        details = fit_details(told, limit)
        if limit == _TIGHT_LIMIT:  # what was too long is at least committed to
            details = {
                "cut_sha256": hashlib.sha256(canonical_json(fit_details(event.details, _TEXT_LIMIT))).hexdigest()
            }
        leaf: dict[str, object] = {
            **columns,
            **numbers,
            "v": LEAF_VERSION,
            "id": event_id,
            "occurred_at": now.isoformat(timespec="microseconds"),
            "channel": origin.channel,
            "node": self._node,
            "details": details,
            "salt": salt,
        }
        private = dict(event.private)
        if origin.address:
            private["address"] = origin.address
        if origin.user_agent:
            private["user_agent"] = origin.user_agent
        if private:
            holder = columns.get("subject") or f"service:{now.year:04d}-{now.month:02d}"
            key = self.holder_keys.obtain(session, holder, now=now)
            leaf["holder"] = holder
            leaf["private"] = conceal(fit_private(private, limit), key=key, event_id=event_id, salt=salt)
        return canonical_json(leaf)


def _with_origin(event: Event, origin: Origin) -> Details:
    """Return the details, with the application that asked and how it proved itself."""
    told = {"application": origin.application} if origin.application else {}
    if origin.client_method:
        told["client_authentication"] = origin.client_method
    return {**told, **event.details}


def _columns(event: Event, origin: Origin) -> dict[str, str]:
    actor = event.actor or event.subject or (origin.channel if origin.channel != "web" else None)
    values = (
        ("type", event.type._value_),
        ("outcome", event.outcome._value_),
        ("reason", event.reason),
        ("subject", event.subject),
        ("actor", actor),
        ("client_id", event.client_id),
        ("session_id", event.session_id),
        ("request_id", origin.request_id or None),
        ("object_id", event.object_id),
    )
    return {name: fit(value, COLUMNS[name]) for name, value in values if value is not None}
