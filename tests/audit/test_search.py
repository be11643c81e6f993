"""Events are found by what they say, a page at a time, and personal data only with its key."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.event import Event
from audit.search import EventFilter, find_event, search_events
from audit.services import AuditServices
from audit.vocabulary import EventType, Outcome
from kernel.clock import ManualClock
from kernel.errors import NotFound, Rejected
from kernel.origin import Origin, working_for
from tests.audit.conftest import Write


def ids(audit: AuditServices, **wanted: object) -> set[str]:
    with audit.database.reading() as session:
        page = search_events(session, filters=EventFilter(**wanted))  # type: ignore[arg-type]
    return {event.id for event in page.events}


def test_filters(audit: AuditServices, clock: ManualClock, write: Write) -> None:
    """Each filter alone, types by prefix, time from inclusive to exclusive."""
    early = clock.now()
    old = write(3)
    clock.advance(timedelta(hours=1))
    with working_for(Origin(request_id="req-1", channel="web")), audit.database.transaction() as session:
        refused = audit.journal.record(
            session,
            Event(
                type=EventType.CERTIFICATE_REQUESTED,
                outcome=Outcome.REFUSED,
                reason="weak_key",
                actor="officer",
                object_id="serial-1",
                session_id="sid-1",
            ),
            now=clock.now(),
        )
    assert ids(audit) == {*old, refused}
    assert ids(audit, type="idp:password:verified") == set(old)
    assert ids(audit, type="ca:*") == {refused}
    assert ids(audit, type="ca:%") == set()
    assert ids(audit, type="idp:password_verified") == set()
    assert ids(audit, outcome="refused") == {refused}
    assert ids(audit, subject="p1") == {old[1]}
    assert ids(audit, actor="officer") == ids(audit, about="officer") == ids(audit, about="serial-1") == {refused}
    assert ids(audit, client_id="portal") == set(old)
    assert ids(audit, session_id="sid-1") == ids(audit, object_id="serial-1") == {refused}
    assert ids(audit, request_id="req-1") == {refused}
    assert ids(audit, since=clock.now()) == {refused}
    assert ids(audit, since=early, until=clock.now()) == set(old)


def test_pages_follow_each_other_without_gap_or_double(audit: AuditServices, clock: ManualClock, write: Write) -> None:
    """Newest first, many at the same moment."""
    written: list[str] = []
    for _ in range(3):
        written += write(4)
        clock.advance(timedelta(microseconds=1))
    found: list[str] = []
    cursor: str | None = None
    with audit.database.reading() as session:
        while True:
            page = search_events(session, filters=EventFilter(), after=cursor, limit=5)
            found += [event.id for event in page.events]
            cursor = page.next_cursor
            if cursor is None:
                break
        times = [find_event(session, event_id).occurred_at for event_id in found]
    assert sorted(found) == sorted(written)
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("cursor", ["", "x", "WzEsMl0", "bnVsbA", "!!"])
def test_refuses_a_cursor_that_is_not_ours(audit: AuditServices, cursor: str) -> None:
    """Whatever comes back in an address was perhaps edited."""
    with audit.database.reading() as session, pytest.raises(Rejected):
        search_events(session, filters=EventFilter(), after=cursor)


def test_personal_data_shows_only_with_the_keys_and_until_erased(audit: AuditServices, write: Write) -> None:
    """Sealed, revealed, erased; the event itself stays."""
    event_id = write(1)[0]
    keys = audit.journal.holder_keys
    with audit.database.reading() as session:
        sealed = find_event(session, event_id)
        shown = find_event(session, event_id, reveal_with=keys)
    assert (sealed.private, sealed.private_state) == (None, "sealed")
    assert (shown.private, shown.private_state) == ({"email": "p0@example.test"}, "revealed")
    with audit.database.transaction() as session:
        keys.destroy(session, "p0", now=audit.clock.now())
    with audit.database.reading() as session:
        erased = find_event(session, event_id, reveal_with=keys)
        with pytest.raises(NotFound):
            find_event(session, "nothing")
    assert (erased.private, erased.private_state) == (None, "erased")
    assert erased.details == {"number": 0}
