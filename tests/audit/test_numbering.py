"""Each process numbers its events; a number neither carried nor named as unused is an event that went missing."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.inspection import verify_stored_log
from audit.missing_numbers import MissingNumbers, Numbers
from audit.model import AuditEvent
from audit.numbering import Numbering
from audit.sequencer import Sequencer
from audit.services import AuditServices
from audit.vocabulary import EventType
from kernel.clock import ManualClock

EVENT = Event(type=EventType.PASSWORD_VERIFIED, subject="p")


def leaves(audit: AuditServices) -> list[dict[str, object]]:
    with audit.database.reading() as session:
        found = [json.loads(leaf) for leaf in session.scalars(select(AuditEvent.leaf))]
    return sorted(found, key=lambda leaf: leaf["sequence"])


def record(audit: AuditServices) -> None:
    with audit.database.transaction() as session:
        audit.journal.record(session, EVENT, now=audit.clock.now())


def test_events_of_a_process_are_numbered_without_gaps(audit: AuditServices) -> None:
    """A lost event of a node shows."""
    for _ in range(3):
        record(audit)
    found = leaves(audit)
    assert [leaf["sequence"] for leaf in found] == [0, 1, 2]
    assert len({leaf["process"] for leaf in found}) == 1
    assert not any("unused" in leaf for leaf in found)


def test_a_number_whose_transaction_was_undone_is_named_by_the_next_event(audit: AuditServices) -> None:
    """Otherwise every refused transaction would look like a lost event."""
    record(audit)
    with pytest.raises(ZeroDivisionError), audit.database.transaction() as session:
        audit.journal.record(session, EVENT, now=audit.clock.now())
        raise ZeroDivisionError
    record(audit)
    assert [(leaf["sequence"], leaf.get("unused")) for leaf in leaves(audit)] == [(0, None), (2, [1])]


def test_a_word_about_unused_numbers_that_was_undone_is_said_again(audit: AuditServices) -> None:
    """The word travels in an event, and that event's transaction may be undone, too."""
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), audit.database.transaction() as session:
            audit.journal.record(session, EVENT, now=audit.clock.now())
            raise ZeroDivisionError
    record(audit)
    assert [(leaf["sequence"], leaf.get("unused")) for leaf in leaves(audit)] == [(2, [0, 1])]


def test_a_savepoint_that_was_rolled_back_gives_back_its_own_numbers_only(audit: AuditServices) -> None:
    """What the transaction around it wrote is committed."""
    with audit.database.transaction() as session:
        audit.journal.record(session, EVENT, now=audit.clock.now())
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            audit.journal.record(session, EVENT, now=audit.clock.now())
            raise ZeroDivisionError
        audit.journal.record(session, EVENT, now=audit.clock.now())
    assert [(leaf["sequence"], leaf.get("unused")) for leaf in leaves(audit)] == [(0, None), (2, [1])]


def test_operations_that_are_committed_together_keep_their_numbers(audit: AuditServices) -> None:
    """The short way writes by it."""
    for _ in range(2):
        audit.database.together(lambda session: audit.journal.record(session, EVENT, now=audit.clock.now()))
    record(audit)
    assert [(leaf["sequence"], leaf.get("unused")) for leaf in leaves(audit)] == [(0, None), (1, None), (2, None)]


def test_a_fork_has_a_name_and_numbers_of_its_own() -> None:
    """Two processes with the same numbers would hide each other's losses."""
    numbering, session = Numbering(), Session()
    before = numbering.take(session)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:  # pragma: no cover - in the child
        os.write(writer, json.dumps(numbering.take(session)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = json.loads(os.read(reader, 1000))
    os.close(reader)
    os.close(writer)
    assert told["process"] != before["process"]
    assert told["sequence"] == 0
    assert numbering.take(session)["sequence"] == 1


def test_verification_names_an_event_that_went_missing_before_it_had_a_place(
    audit: AuditServices, sequencer: Sequencer, clock: ManualClock
) -> None:
    """Whoever deletes a record in the second before it is in the tree breaks no hash; its number is missing."""
    for _ in range(4):
        record(audit)
    with pytest.raises(ZeroDivisionError), audit.database.transaction() as session:
        audit.journal.record(session, EVENT, now=audit.clock.now())
        raise ZeroDivisionError
    gone = [leaf["id"] for leaf in leaves(audit) if leaf["sequence"] in (1, 2)]
    with audit.database.transaction() as session:
        session.execute(delete(AuditEvent).where(AuditEvent.id.in_(gone)))
    record(audit)
    sequencer.run()
    assert verify_stored_log(audit).missing_numbers == ()  # a transaction may still be under way
    clock.advance(timedelta(minutes=11))
    record(audit)
    process = str(leaves(audit)[0]["process"])
    expected = (MissingNumbers(process, 1, 2),)
    assert verify_stored_log(audit).missing_numbers == expected  # the last one waits for its place
    sequencer.run()
    assert verify_stored_log(audit).missing_numbers == expected


def test_numbers_in_another_order_are_not_missing() -> None:
    """A transaction that took its number first may commit last."""
    numbers = Numbers(from_the_beginning=True)
    at = "2026-01-0{}T00:00:00.000000+00:00"
    for number, day in ((2, 1), (0, 1), (5, 2), (4, 3), (6, 4)):
        told = {"process": "p", "sequence": number, "occurred_at": at.format(day), "unused": [3] if number == 6 else []}
        numbers.note(json.dumps(told).encode())
    assert numbers.missing([]) == (MissingNumbers("p", 1, 1),)
    numbers.note(b"no record")
    numbers.note(b'{"process": 1}')


def test_a_log_that_is_looked_at_from_the_middle_begins_where_it_begins() -> None:
    """What came before is not missing."""
    numbers = Numbers(from_the_beginning=False)
    for number, day in ((7, 1), (9, 1), (10, 3)):
        told = {"process": "p", "sequence": number, "occurred_at": f"2026-01-0{day}T00:00:00.000000+00:00"}
        numbers.note(json.dumps(told).encode())
    assert numbers.missing([]) == (MissingNumbers("p", 8, 8),)
