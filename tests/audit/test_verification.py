"""Whoever rules the database and not the log's key is found, and the first bad record is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, text, update

from audit.checkpoint import Checkpoint, with_signature
from audit.findings import FindingKind, LogTamperedError, VerificationReport
from audit.inspection import verify_stored_log
from audit.merkle import hash_leaf, tree_root
from audit.model import AuditCheckpoint, AuditEvent, AuditHead, AuditTile
from audit.sequencer import Sequencer
from audit.services import AuditServices
from tests.audit.conftest import Write


@pytest.fixture
def log(audit: AuditServices, sequencer: Sequencer, write: Write) -> list[str]:
    """A log of 12 events under four checkpoints; ids in order of place."""
    for count in (4, 1, 5, 2):
        write(count)
        sequencer.run()
    with audit.database.reading() as session:
        return list(session.scalars(text("SELECT id FROM audit_event ORDER BY log_index")))


def tampered(audit: AuditServices, *, since: int = 0) -> VerificationReport:
    with pytest.raises(LogTamperedError) as caught:
        verify_stored_log(audit, since=since)
    return caught.value.report


def tamper(audit: AuditServices, *statements: str, **values: object) -> None:
    with audit.database.transaction() as session:
        for statement in statements:
            session.execute(text(statement), values)


def test_an_intact_log_verifies(audit: AuditServices, log: list[str], write: Write) -> None:
    """In full and in part; events that wait for their place are no finding."""
    write(1)
    report = verify_stored_log(audit)
    assert (report.size, report.checkpoints, report.anchors, report.waiting) == (12, 4, 4, 1)
    assert report.first is None
    steps: list[tuple[int, int]] = []
    assert verify_stored_log(audit, since=7, progress=lambda *step: steps.append(step)).first_index == 5
    assert steps[-1] == (12, 12)


def test_an_empty_log_verifies(audit: AuditServices) -> None:
    """Before the first event there is nothing wrong."""
    assert verify_stored_log(audit).size == 0


def test_a_long_log_verifies(audit: AuditServices, sequencer: Sequencer, write: Write) -> None:
    """Over several tiles, verification pages and intervals."""
    write(600, private=False)
    Sequencer(audit, batch_limit=97).run()
    assert sequencer.run() == 0
    report = verify_stored_log(audit)
    assert (report.size, report.checkpoints) == (600, 7)
    tamper(audit, "UPDATE audit_tile SET hashes = :hashes WHERE level = 1", hashes=b"\x01" * 64)
    assert tampered(audit).first.kind is FindingKind.TREE_CHANGED  # type: ignore[union-attr]


def test_a_changed_record(audit: AuditServices, log: list[str]) -> None:
    """Attack 15: change."""
    with audit.database.transaction() as session:
        leaf = session.execute(text("SELECT leaf FROM audit_event WHERE log_index = 6")).scalar_one()
        changed = bytes(leaf).replace(b'"success"', b'"failure"')
        session.execute(update(AuditEvent).where(AuditEvent.log_index == 6).values(leaf=changed, outcome="failure"))
    first = tampered(audit).first
    assert first is not None
    assert (first.kind, first.index, first.event_id) == (FindingKind.CHANGED, 6, log[6])
    assert tampered(audit, since=5).first == first


def test_a_removed_record(audit: AuditServices, log: list[str]) -> None:
    """Attack 15: delete."""
    tamper(audit, "DELETE FROM audit_event WHERE log_index = 3")
    report = tampered(audit)
    assert [(each.kind, each.index) for each in report.findings] == [(FindingKind.REMOVED, 3)]


def test_a_removed_record_with_the_others_moved_up(audit: AuditServices, log: list[str]) -> None:
    """Deleting and renumbering what follows, head and all."""
    tamper(audit, "DELETE FROM audit_event WHERE log_index = 3")
    for index in range(4, 12):
        tamper(audit, "UPDATE audit_event SET log_index = :to WHERE log_index = :at", at=index, to=index - 1)
    tamper(audit, "UPDATE audit_head SET size = 11")
    first = tampered(audit).first
    assert first is not None
    assert (first.kind, first.index) == (FindingKind.REMOVED, 3)


def test_two_records_swapped(audit: AuditServices, log: list[str]) -> None:
    """Attack 15: reorder."""
    tamper(
        audit,
        "UPDATE audit_event SET log_index = -5 WHERE log_index = 2",
        "UPDATE audit_event SET log_index = 2 WHERE log_index = 8",
        "UPDATE audit_event SET log_index = 8 WHERE log_index = -5",
    )
    report = tampered(audit)
    assert [(each.kind, each.index, each.event_id) for each in report.findings] == [
        (FindingKind.REORDERED, 2, log[8]),
        (FindingKind.REORDERED, 8, log[2]),
    ]


def test_the_tail_cut(audit: AuditServices, log: list[str]) -> None:
    """Attack 15: the last records deleted, alone or with head, tree and checkpoints."""
    tamper(audit, "DELETE FROM audit_event WHERE log_index >= 9")
    report = tampered(audit)
    assert [(each.kind, each.index) for each in report.findings] == [(FindingKind.TAIL_CUT, 9)]


def test_an_older_state_restored(audit: AuditServices, log: list[str], tmp_path: Path) -> None:
    """Attack 15: an older backup that fits together perfectly; only the anchors know better."""
    with audit.database.transaction() as session:
        leaves = session.scalars(text("SELECT leaf FROM audit_event WHERE log_index < 5 ORDER BY log_index")).all()
        hashes = [hash_leaf(bytes(leaf)) for leaf in leaves]
        session.execute(delete(AuditEvent).where(AuditEvent.log_index >= 5))
        session.execute(delete(AuditCheckpoint).where(AuditCheckpoint.size > 5))
        session.execute(update(AuditTile).values(hashes=b"".join(hashes)))
        session.execute(update(AuditHead).values(size=5, root=tree_root(hashes)))
    first = tampered(audit).first
    assert first is not None
    assert (first.kind, first.index) == (FindingKind.TAIL_CUT, 5)
    for path in audit.anchors.folder.iterdir():
        path.unlink()
    assert verify_stored_log(audit).size == 5  # why anchors, and copies of checkpoints with others, exist


def test_a_record_inserted(audit: AuditServices, log: list[str], write: Write) -> None:
    """A record that was never sequenced stands after the end, or between others."""
    (extra,) = write(1)
    tamper(audit, "UPDATE audit_event SET log_index = 12 WHERE id = :id", id=extra)
    first = tampered(audit).first
    assert first is not None
    assert (first.kind, first.index, first.event_id) == (FindingKind.INSERTED, 12, extra)
    tamper(audit, "UPDATE audit_event SET log_index = NULL WHERE id = :id", id=extra)
    for index in range(11, 3, -1):
        tamper(audit, "UPDATE audit_event SET log_index = :to WHERE log_index = :at", at=index, to=index + 1)
    tamper(audit, "UPDATE audit_event SET log_index = 4 WHERE id = :id", id=extra)
    first = tampered(audit).first
    assert first is not None
    assert (first.kind, first.index, first.event_id) == (FindingKind.INSERTED, 4, extra)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("type", "idp:session:ended"),
        ("outcome", "failure"),
        ("subject", "someone-else"),
        ("actor", None),
        ("client_id", "other"),
        ("object_id", "x"),
        ("occurred_at", "2020-01-01 00:00:00.000000+00:00"),
        ("id", "00000000000000000000000000"),
    ],
)
def test_a_search_column_edited(audit: AuditServices, log: list[str], column: str, value: str | None) -> None:
    """Evidence that is not found is as good as removed."""
    tamper(audit, f"UPDATE audit_event SET {column} = :value WHERE log_index = 7", value=value)
    first = tampered(audit).first
    assert first is not None
    assert (first.kind, first.index, first.event_id) == (FindingKind.COLUMNS_DISAGREE, 7, log[7])
    assert column in first.detail


def test_the_stored_tree_changed(audit: AuditServices, log: list[str]) -> None:
    """Good records, wrong hashes: said as such."""
    with audit.database.transaction() as session:
        hashes = bytearray(session.scalars(text("SELECT hashes FROM audit_tile")).one())
        hashes[32 * 4 + 3] ^= 1
        session.execute(update(AuditTile).values(hashes=bytes(hashes)))
    first = tampered(audit).first
    assert first is not None
    assert (first.kind, first.index) == (FindingKind.TREE_CHANGED, 4)


def test_record_and_stored_tree_changed_together(audit: AuditServices, log: list[str]) -> None:
    """The signed heads bound the place: here an interval of one record names it exactly."""
    with audit.database.transaction() as session:
        hashes = bytearray(session.scalars(text("SELECT hashes FROM audit_tile")).one())
        hashes[32 * 4 : 32 * 5] = hash_leaf(b"{}")
        session.execute(update(AuditTile).values(hashes=bytes(hashes)))
        session.execute(update(AuditEvent).where(AuditEvent.log_index == 4).values(leaf=b"{}"))
    first = tampered(audit).first
    assert first is not None
    assert (first.kind, first.index, first.event_id) == (FindingKind.CHANGED, 4, log[4])


def test_a_forged_checkpoint(audit: AuditServices, log: list[str]) -> None:
    """A head that the log's key did not sign; and one that it signed, filed under another size."""
    key = audit.log_key(audit.origin)
    forged = with_signature(Checkpoint(audit.origin, 5, b"f" * 32), key, b"s" * 64)
    with audit.database.transaction() as session:
        session.execute(update(AuditCheckpoint).where(AuditCheckpoint.size == 5).values(note=forged, root=b"f" * 32))
    report = tampered(audit)
    assert (FindingKind.CHECKPOINT_FORGED, 5) in [(each.kind, each.index) for each in report.findings]
    tamper(audit, "DELETE FROM audit_checkpoint WHERE size = 5")
    first = tampered(audit).first
    assert first is not None
    assert (first.kind, first.index) == (FindingKind.CHECKPOINT_REMOVED, 5)


def test_a_fork_signed_with_a_stolen_key(audit: AuditServices, log: list[str]) -> None:
    """Attack 16: a well-signed other history contradicts the anchors."""
    fork = Checkpoint(audit.origin, 12, b"f" * 32)
    note = with_signature(fork, audit.log_key(audit.origin), audit.log_signer.sign(fork.text.encode()))
    with audit.database.transaction() as session:
        session.execute(update(AuditCheckpoint).where(AuditCheckpoint.size == 12).values(note=note, root=fork.root))
    kinds = {each.kind for each in tampered(audit).findings}
    assert FindingKind.CHECKPOINT_FORGED in kinds


def test_a_damaged_anchor(audit: AuditServices, log: list[str]) -> None:
    """Anchors carry the log's signature too; a line that a crash cut is passed over."""
    (path,) = audit.anchors.folder.iterdir()
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[-1][:20]]))
    assert verify_stored_log(audit).anchors == 4
    path.write_text("\n".join([lines[0].replace("4 ", "3 ", 1), *lines[1:], ""]))
    assert tampered(audit).findings[0].kind is FindingKind.ANCHOR_DAMAGED


def test_erasure_is_no_finding(audit: AuditServices, log: list[str]) -> None:
    """Attack 17: erasing a person leaves every proof good."""
    with audit.database.transaction() as session:
        audit.journal.holder_keys.destroy(session, "p1", now=audit.clock.now())
    assert verify_stored_log(audit).first is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "column",
    [
        "audit_event.leaf",
        "audit_event.log_index",
        "audit_event.occurred_at",
        "audit_event.subject",
        "audit_event.id",
        "audit_tile.hashes",
        "audit_tile.number",
        "audit_tile.level",
        "audit_head.size",
        "audit_head.root",
        "audit_head.origin",
        "audit_checkpoint.size",
        "audit_checkpoint.root",
        "audit_checkpoint.note",
    ],
)
def test_a_value_of_another_type_is_a_finding_and_no_crash(audit: AuditServices, log: list[str], column: str) -> None:
    """SQLite stores anything in any column; who tampers need not be polite."""
    table, name = column.split(".")
    one = "" if table == "audit_tile" else f" WHERE rowid = (SELECT max(rowid) FROM {table})"
    path = Path(str(audit.database.url.database))
    audit.database.dispose()
    good = path.read_bytes()
    for value in ("'text'", "x'00ff'", "1.5", "-1", "9223372036854775807"):
        tamper(audit, f"UPDATE {table} SET {name} = {value}{one}")
        assert tampered(audit).first is not None
        assert tampered(audit, since=5).first is not None
        audit.database.dispose()
        path.write_bytes(good)
    assert verify_stored_log(audit).size == 12
