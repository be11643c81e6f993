"""One event is one bounded line of ASCII, in the transaction of what it records."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, select

from audit.event import Event, canonical_json
from audit.model import AuditEvent, HolderKey
from audit.privacy import KEPT_FOR, HolderKeys, reveal
from audit.sequencer import Sequencer
from audit.services import AuditServices
from audit.tiles import ENTRY_LIMIT
from audit.vocabulary import EventType, Outcome
from kernel.clock import ManualClock
from kernel.errors import Denied, NotFound
from kernel.origin import Origin, working_for

HOSTILE = "a\r\n\x1b[31m\x00\u202e\u2028\ud800é"


def record(audit: AuditServices, event: Event) -> str:
    with audit.database.transaction() as session:
        return audit.journal.record(session, event, now=audit.clock.now())


def leaf_of(audit: AuditServices, event_id: str) -> bytes:
    with audit.database.reading() as session:
        return session.scalars(select(AuditEvent.leaf).where(AuditEvent.id == event_id)).one()


def test_hostile_text_becomes_one_encoded_line(audit: AuditServices) -> None:
    """Attack 16: CR/LF, ANSI, bidi, NUL, a 1 MB user agent → one encoded event."""
    origin = Origin(request_id=HOSTILE, address="192.0.2.1", user_agent=HOSTILE + "x" * 1_000_000, channel="web")
    with working_for(origin):
        event_id = record(
            audit,
            Event(
                type=EventType.CLIENT_AUTHENTICATED,
                outcome=Outcome.FAILURE,
                reason=HOSTILE,
                client_id=HOSTILE * 100,
                object_id="y" * 10_000,
                details={"typed": HOSTILE, "many": [HOSTILE * 1000] * 1000},
                private={"email": HOSTILE * 1000},
            ),
        )
    leaf = leaf_of(audit, event_id)
    assert leaf.isascii()
    assert leaf.decode().isprintable()
    assert len(leaf) <= ENTRY_LIMIT
    document = json.loads(leaf)
    assert canonical_json(document) == leaf
    assert len(document["client_id"]) == 64
    with audit.database.reading() as session:
        row = session.execute(select(AuditEvent.client_id, AuditEvent.object_id, AuditEvent.reason)).one()
    assert row == (document["client_id"], document["object_id"], document["reason"])
    assert all(part.isprintable() for part in row)


def test_details_too_long_for_an_entry_are_committed_to(audit: AuditServices) -> None:
    """tlog-tiles: an entry has 65,535 octets at most."""
    event_id = record(
        audit,
        Event(type=EventType.CLIENT_REGISTERED, details={f"n{n}": ["é" * 512] * 64 for n in range(32)}),
    )
    assert list(json.loads(leaf_of(audit, event_id))["details"]) == ["cut_sha256"]


def test_state_and_event_commit_together_or_not_at_all(audit: AuditServices) -> None:
    """Architecture, "Rule of durability": a crash between the two leaves neither."""
    with pytest.raises(ZeroDivisionError), audit.database.transaction() as session:
        audit.journal.record(session, Event(type=EventType.ACCOUNT_CREATED, subject="p"), now=audit.clock.now())
        session.flush()
        raise ZeroDivisionError
    with audit.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AuditEvent)) == 0


def test_a_refusal_is_on_record_before_anyone_hears_of_it(audit: AuditServices) -> None:
    """``Journal.refuse``: the error leaves the transaction after its commit."""
    event = Event(type=EventType.CONSOLE_ACCESS_REFUSED, outcome=Outcome.REFUSED, reason="no_role")
    with pytest.raises(Denied), audit.database.transaction() as session:
        audit.journal.refuse(session, event, Denied("No.", code="no_role"), now=audit.clock.now())
    with audit.database.reading() as session:
        assert session.scalars(select(AuditEvent.reason)).all() == ["no_role"]


def test_personal_data_stands_nowhere_in_clear(audit: AuditServices) -> None:
    """Issue: personal data stands in leaves only as commitments and ciphertext."""
    with working_for(Origin(request_id="r", address="192.0.2.77", user_agent="Curious/1.0", channel="web")):
        event_id = record(
            audit,
            Event(type=EventType.PASSWORD_VERIFIED, subject="p", private={"cedula": "1710034065"}),
        )
    leaf = leaf_of(audit, event_id)
    for secret in (b"1710034065", b"192.0.2.77", b"Curious"):
        assert secret not in leaf
    document = json.loads(leaf)
    with audit.database.reading() as session:
        key = audit.journal.holder_keys.find(session, "p")
    assert reveal(document["private"], key=key, event_id=event_id) == {
        "cedula": "1710034065",
        "address": "192.0.2.77",
        "user_agent": "Curious/1.0",
    }
    assert set(document["private"]["commitments"]) == {"cedula", "address", "user_agent"}


def test_recording_costs_one_statement_once_the_key_is_known(audit: AuditServices) -> None:
    """The hot path: no round trip but the insert."""
    event = Event(type=EventType.TOKEN_ISSUED, subject="p", private={"email": "p@example.test"})
    record(audit, event)
    record(audit, event)
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement.split()[0])

    sqlalchemy_event.listen(audit.database.engine, "before_cursor_execute", note)
    record(audit, event)
    sqlalchemy_event.remove(audit.database.engine, "before_cursor_execute", note)
    assert [statement for statement in statements if statement != "BEGIN"] == ["INSERT"]


def test_a_destroyed_key_is_never_used_again(audit: AuditServices, clock: ManualClock) -> None:
    """Attack 17: nothing that was or will be written about an erased person can be read."""
    keys = audit.journal.holder_keys
    event = Event(type=EventType.PASSWORD_VERIFIED, subject="p", private={"email": "p@example.test"})
    first = record(audit, event)
    record(audit, event)
    with audit.database.transaction() as session:
        before = keys.obtain(session, "p", now=clock.now())
        keys.destroy(session, "p", now=clock.now())
    second = record(audit, event)
    with audit.database.transaction() as session:
        assert keys.obtain(session, "p", now=clock.now()) != before
        assert keys.obtain(session, "p", now=clock.now()) != keys.obtain(session, "p", now=clock.now())
        assert session.scalar(select(HolderKey.sealed_key).where(HolderKey.holder == "p")) is None
    with audit.database.reading() as session, pytest.raises(NotFound):
        keys.find(session, "p")
    assert b"p@example.test" not in leaf_of(audit, first) + leaf_of(audit, second)


def test_another_process_forgets_a_destroyed_key_within_a_minute(audit: AuditServices, clock: ManualClock) -> None:
    """A key is kept for sealing only, and reading asks the database at once."""
    here, there = audit.journal.holder_keys, HolderKeys(audit.journal.holder_keys._sealer)
    with audit.database.transaction() as session:
        here.obtain(session, "p", now=clock.now())
    with audit.database.transaction() as session:
        kept = there.obtain(session, "p", now=clock.now())
    with audit.database.transaction() as session:
        here.destroy(session, "p", now=clock.now())
    with audit.database.reading() as session, pytest.raises(NotFound):
        there.find(session, "p")
    clock.advance(KEPT_FOR + timedelta(seconds=1))
    with audit.database.transaction() as session:
        assert there.obtain(session, "p", now=clock.now()) != kept


def test_a_key_of_a_transaction_that_failed_is_not_kept(audit: AuditServices) -> None:
    """Otherwise the next event would be sealed under a key that nobody has."""
    event = Event(type=EventType.PASSWORD_VERIFIED, subject="p", private={"email": "p@example.test"})
    with pytest.raises(ZeroDivisionError), audit.database.transaction() as session:
        audit.journal.record(session, event, now=audit.clock.now())
        audit.journal.record(session, event, now=audit.clock.now())
        raise ZeroDivisionError
    event_id = record(audit, event)
    with audit.database.reading() as session:
        key = audit.journal.holder_keys.find(session, "p")
    assert reveal(json.loads(leaf_of(audit, event_id))["private"], key=key, event_id=event_id)


def test_a_key_of_a_savepoint_that_was_rolled_back_is_not_kept(audit: AuditServices) -> None:
    """The same within one transaction."""
    event = Event(type=EventType.PASSWORD_VERIFIED, subject="p", private={"email": "p@example.test"})
    with audit.database.transaction() as session:
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            audit.journal.record(session, event, now=audit.clock.now())
            raise ZeroDivisionError
        event_id = audit.journal.record(session, event, now=audit.clock.now())
    with audit.database.reading() as session:
        key = audit.journal.holder_keys.find(session, "p")
    assert reveal(json.loads(leaf_of(audit, event_id))["private"], key=key, event_id=event_id)


def test_the_log_goes_on_after_an_erasure(audit: AuditServices, sequencer: Sequencer) -> None:
    """Erasure changes no leaf."""
    event = Event(type=EventType.PASSWORD_VERIFIED, subject="p", private={"email": "p@example.test"})
    record(audit, event)
    assert sequencer.run() == 1
    with audit.database.transaction() as session:
        audit.journal.holder_keys.destroy(session, "p", now=audit.clock.now())
    record(audit, event)
    assert sequencer.run() == 1
