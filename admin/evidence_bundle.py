"""Evidence to hand over as one file: events, proofs, signed heads, keys, certificates, and how to check them.

The file is made outside of any transaction; that it was exported is on record before its first octet leaves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from admin.evidence import require_reason_for, searched_person
from admin.services import AdminServices
from audit.event import Event
from audit.export import export_events
from audit.search import MOST, EventFilter, find_event, search_events
from audit.vocabulary import EventType
from kernel.errors import NotFound

_PEOPLE = frozenset({"person", "actor"})


def bundle_event(*, services: AdminServices, event_id: str, actor: str, now: datetime) -> BinaryIO:
    """Return a zip that proves one event without us (``sau audit verify --bundle``); the export is on record.

    :raises NotFound: (``event_not_found``, ``event_not_sequenced``).
    """
    packed = _packed(services, [event_id])
    event = Event(type=EventType.AUDIT_EXPORTED, actor=actor, object_id=event_id, details={"found": 1, "bundle": True})
    with services.database.transaction() as session:
        services.journal.record(session, event, now=now)
    return packed


def bundle_search(
    *,
    services: AdminServices,
    filters: EventFilter,
    filter_names: Mapping[str, str],
    actor: str,
    now: datetime,
) -> BinaryIO:
    """Return a zip that proves the events of a search, the newest ``MOST`` that have their place in the log.

    :param filter_names: the filters as they stand in the address: public values.
    :raises Denied: (``reason_needed``) for a person without a reason. :raises NotFound: (``nothing_to_prove``).
    """
    with services.database.transaction() as session:
        require_reason_for(session, filters=filters, actor=actor, now=now)
    with services.database.reading() as session:
        page = search_events(session, filters=filters, limit=MOST)
    found = [event.id for event in page.events if event.log_index is not None]
    if not found:
        raise NotFound("No sealed event fits.", code="nothing_to_prove")
    packed = _packed(services, found)
    asked = [f"{name}={value}" for name, value in sorted(filter_names.items()) if value and name not in _PEOPLE]
    event = Event(
        type=EventType.AUDIT_EXPORTED,
        subject=searched_person(filters),
        actor=actor,
        details={"filters": asked, "found": len(found), "bundle": True},
    )
    with services.database.transaction() as session:
        services.journal.record(session, event, now=now)
    return packed


def _packed(services: AdminServices, event_ids: list[str]) -> BinaryIO:
    """Return the file, open and without a name: it is made while nothing is locked, and read as it is sent."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "evidence.zip"
        with services.database.reading() as session:
            for event_id in event_ids:
                find_event(session, event_id)
            export_events(session, place, event_ids, log=services.audit)
        return place.open("rb")
