"""One order, no gap, no double, whoever sequences and however late a transaction commits."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from audit.checkpoint import verify_checkpoint
from audit.event import Event
from audit.jobs import periodic_jobs
from audit.merkle import hash_leaf, tree_root
from audit.model import AUDIT_TABLES, AuditCheckpoint, AuditEvent, AuditHead, AuditTile
from audit.sequencer import (
    LEASE_LIFETIME,
    LeaseLostError,
    LogDamagedError,
    Sequencer,
    _placing,
    sequence_batch,
    take_lease,
)
from audit.services import AuditServices
from audit.vocabulary import EventType
from kernel.clock import ManualClock
from kernel.prepared import _SETTINGS
from tests.audit.conftest import Write


def order_of(audit: AuditServices) -> list[tuple[int, str]]:
    with audit.database.reading() as session:
        rows = session.execute(
            select(AuditEvent.log_index, AuditEvent.id)
            .where(AuditEvent.log_index.is_not(None))
            .order_by(AuditEvent.log_index)
        ).all()
    return [(index or 0, event_id) for index, event_id in rows]


def require_sound(audit: AuditServices, count: int) -> None:
    """The tree over all leaves is the head's, contiguous from 0, and signed."""
    with audit.database.reading() as session:
        rows = session.execute(select(AuditEvent.log_index, AuditEvent.leaf).order_by(AuditEvent.log_index)).all()
        head = session.execute(select(AuditHead.origin, AuditHead.size, AuditHead.root)).one()
        note = session.scalars(select(AuditCheckpoint.note).order_by(AuditCheckpoint.size.desc()).limit(1)).one()
    assert [index for index, _ in rows] == list(range(count))
    assert head.size == count
    assert head.root == tree_root([hash_leaf(leaf) for _, leaf in rows])
    signed = verify_checkpoint(note, expected_key=audit.log_key(head.origin))
    assert (signed.size, signed.root) == (count, head.root)
    last = audit.anchors.last()
    assert last is not None
    assert (last.size, last.root) == (count, head.root)


def test_events_get_places_in_order_and_a_signed_head(audit: AuditServices, sequencer: Sequencer, write: Write) -> None:
    """Architecture, "Evidence": committed events are ordered and a checkpoint is signed."""
    ids = write(5)
    assert sequencer.run() == 5
    assert [event_id for _, event_id in order_of(audit)] == sorted(ids)
    more = write(300)
    assert sequencer.run() == 300
    assert {event_id for _, event_id in order_of(audit)[5:]} == set(more)
    require_sound(audit, 305)
    assert audit.origin == "localhost:8000/audit/log"


def test_an_idle_pass_writes_nothing(audit: AuditServices, sequencer: Sequencer, write: Write) -> None:
    """Twice a second, all year: no checkpoint without an event."""
    assert sequencer.run() == 0
    write(1)
    assert sequencer.run() == 1
    assert sequencer.run() == 0
    with audit.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AuditCheckpoint)) == 1


def test_batches_are_bounded_and_all_is_done(audit: AuditServices, write: Write) -> None:
    """A backlog is worked off in transactions of limited size."""
    write(25)
    assert Sequencer(audit, batch_limit=10).run() == 25
    require_sound(audit, 25)
    with audit.database.reading() as session:
        assert session.scalars(select(AuditCheckpoint.size).order_by(AuditCheckpoint.size)).all() == [10, 20, 25]


def test_places_are_given_by_key_whenever_that_was_planned(audit: AuditServices) -> None:
    """A plan made for an empty log and kept went through all that waits, for each entry anew: a second a batch."""
    if audit.database.is_sqlite:
        pytest.skip("SQLite is given each row by itself")
    with audit.database.transaction() as session:
        connection = session.connection()
        _, statement, values = _placing(AUDIT_TABLES).prepared(connection)
        for setting in (*_SETTINGS, b"enable_bitmapscan"):
            value = _SETTINGS.get(setting, b"off").decode()
            connection.exec_driver_sql(f"SET LOCAL {setting.decode()} = {value}")
        connection.exec_driver_sql(f"PREPARE sau_places AS {statement}")
        nothing = ", ".join("'{}'" for _ in values)
        plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN EXECUTE sau_places({nothing})")]
        connection.exec_driver_sql("DEALLOCATE sau_places")
    used = [line.strip() for line in plan if "Scan" in line or "Loop" in line]
    assert len(used) == 1
    assert "Index Scan using pk_audit_event" in used[0]


def test_a_late_commit_is_still_sequenced(audit: AuditServices, sequencer: Sequencer, write: Write) -> None:
    """Attack 16: an event that began earlier and commits after younger ones were sequenced gets the next place."""
    if audit.database.is_sqlite:
        pytest.skip("SQLite has one writer: no transaction overtakes another")
    with audit.database.transaction() as late:
        event = Event(type=EventType.PASSWORD_VERIFIED, subject="late", private={"email": "late@example.test"})
        late_id = audit.journal.record(late, event, now=audit.clock.now())
        late.flush()
        write(3)
        assert sequencer.run() == 3
    assert sequencer.run() == 1
    assert order_of(audit)[3] == (3, late_id)
    assert late_id < order_of(audit)[0][1]
    require_sound(audit, 4)


def test_one_holds_the_lease_and_another_takes_over_when_it_ends(
    audit: AuditServices, clock: ManualClock, write: Write
) -> None:
    """Exactly one sequencer; after a crash another goes on at the lease's end."""
    first, second = Sequencer(audit), Sequencer(audit)
    write(1)
    assert first.run() == 1
    write(1)
    assert second.run() == 0
    clock.advance(LEASE_LIFETIME + timedelta(seconds=1))
    assert second.run() == 1
    require_sound(audit, 2)
    second.release()
    write(1)
    assert first.run() == 1


def test_an_overtaken_holder_changes_nothing(audit: AuditServices, clock: ManualClock, write: Write) -> None:
    """Fencing: a process that slept through the end of its lease still believes in it, and the database does not."""
    first, second = Sequencer(audit), Sequencer(audit)
    write(1)
    first.run()
    clock.advance(LEASE_LIFETIME)
    second.run()
    stale = first._lease
    assert stale is not None
    write(2)
    with pytest.raises(LeaseLostError), audit.database.transaction() as session:
        sequence_batch(session, services=audit, fence=stale.fence, limit=10, now=clock.now())
    assert len(order_of(audit)) == 1
    with audit.database.transaction() as session:
        assert take_lease(session, holder="first", now=clock.now()) is None
    second.run()
    require_sound(audit, 3)


def test_two_sequencers_and_eight_writers_at_once(audit: AuditServices) -> None:
    """Attack 20's core: no gap, no double, the exact count, with both sequencers believing that they hold the lease."""
    writers, each = 8, 25
    done = threading.Event()
    failures: list[BaseException] = []

    def write_many(writer: int) -> None:
        try:
            for number in range(each):
                with audit.database.transaction() as session:
                    audit.journal.record(
                        session,
                        Event(
                            type=EventType.TOKEN_ISSUED,
                            subject=f"person-{writer % 3}",
                            details={"number": number},
                            private={"email": "a@example.test"},
                        ),
                        now=audit.clock.now(),
                    )
        except BaseException as error:
            failures.append(error)

    def sequence_many(sequencer: Sequencer) -> None:
        try:
            while not done.is_set():
                # Both take the lease whenever they can: release makes them overtake each other all the time.
                sequencer.run()
                sequencer.release()
                done.wait(0.005)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write_many, args=(number,)) for number in range(writers)]
    sequencers = [threading.Thread(target=sequence_many, args=(Sequencer(audit, batch_limit=7),)) for _ in range(2)]
    for thread in [*threads, *sequencers]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    for thread in sequencers:
        thread.join()
    Sequencer(audit).run()
    assert failures == []
    require_sound(audit, writers * each)


def test_nothing_is_signed_on_a_changed_tree(audit: AuditServices, sequencer: Sequencer, write: Write) -> None:
    """C2SP tlog-checkpoint: a log signs nothing that contradicts what it signed."""
    write(3)
    sequencer.run()
    write(1)
    with audit.database.transaction() as session:
        session.execute(update(AuditTile).values(hashes=b"\x00" * 96))
    with pytest.raises(LogDamagedError):
        sequencer.run()
    assert len(order_of(audit)) == 3


def test_nothing_is_signed_on_an_older_state(audit: AuditServices, sequencer: Sequencer, write: Write) -> None:
    """Attack 15: the database set back behind what was anchored outside of it."""
    write(3)
    sequencer.run()
    with audit.database.transaction() as session:
        for table in (AuditEvent, AuditTile, AuditCheckpoint, AuditHead):
            session.execute(delete(table))
    write(1)
    with pytest.raises(LogDamagedError):
        Sequencer(audit).run()


def test_the_worker_runs_the_sequencer(audit: AuditServices, write: Write) -> None:
    """The job is due twice a second, so that a checkpoint is never two seconds behind."""
    write(2)
    job = next(each for each in periodic_jobs(audit) if each.name == "audit.sequence")
    assert job.every <= timedelta(seconds=1)
    job.run()
    require_sound(audit, 2)


def test_after_a_restore_the_log_goes_on_once_the_anchors_are_put_aside(
    audit: AuditServices, sequencer: Sequencer, write: Write
) -> None:
    """docs/audit.md, "When the sequencer stops"."""
    write(3)
    sequencer.run()
    with audit.database.transaction() as session:
        for table in (AuditEvent, AuditTile, AuditCheckpoint, AuditHead):
            session.execute(delete(table))
    write(2)
    with pytest.raises(LogDamagedError):
        Sequencer(audit).run()
    for path in audit.anchors.folder.iterdir():
        path.rename(path.parent.parent / path.name)
    with audit.database.transaction() as session:
        session.execute(update(AuditHead).values(holder=None))
    assert Sequencer(audit).run() == 2
    require_sound(audit, 2)


def test_every_event_is_under_a_signed_head_within_two_seconds(
    audit: AuditServices, clock: ManualClock, write: Write
) -> None:
    """Checkpoint age: by the worker's rhythm, whatever the moment at which an event commits."""
    (job,) = [each for each in periodic_jobs(audit) if each.name == "audit.sequence"]
    rng = random.Random(7)
    for _ in range(40):
        before = timedelta(seconds=rng.uniform(0, job.every.total_seconds()))
        clock.advance(before)
        write(rng.randrange(4), private=False)
        clock.advance(job.every - before)
        job.run()
    with audit.database.reading() as session:
        rows = session.execute(select(AuditEvent.log_index, AuditEvent.occurred_at)).all()
        heads = session.execute(select(AuditCheckpoint.size, AuditCheckpoint.signed_at)).all()
    ages = sorted(min(signed for size, signed in heads if size > (index or 0)) - moment for index, moment in rows)
    assert len(ages) > 40
    assert ages[-1] <= timedelta(seconds=2)
