"""Whoever rules the database and not the log's key is found, and the first bad record is named."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
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


# --- thousands of random tamperings ---------------------------------------------------------------------------------

SIZES = (1, 4, 9, 10, 18, 30)
ROUNDS = int(os.environ.get("TAMPERINGS", "1000"))  # 10,000 take a minute and a half

Tampering = Callable[[sqlite3.Connection, random.Random], tuple[int, set[FindingKind]]]
K = FindingKind


def change_a_byte(db: sqlite3.Connection, rng: random.Random) -> tuple[int, set[FindingKind]]:
    index = rng.randrange(SIZES[-1])
    (leaf,) = db.execute("SELECT leaf FROM audit_event WHERE log_index = ?", (index,)).fetchone()
    changed = bytearray(leaf)
    changed[rng.randrange(len(changed))] ^= rng.randrange(1, 256)
    db.execute("UPDATE audit_event SET leaf = ? WHERE log_index = ?", (bytes(changed), index))
    return index, {K.CHANGED}


def delete_some(db: sqlite3.Connection, rng: random.Random) -> tuple[int, set[FindingKind]]:
    gone = rng.sample(range(SIZES[-1]), rng.randrange(1, 4))
    db.executemany("DELETE FROM audit_event WHERE log_index = ?", [(index,) for index in gone])
    return min(gone), {K.REMOVED, K.TAIL_CUT}


def swap_two(db: sqlite3.Connection, rng: random.Random) -> tuple[int, set[FindingKind]]:
    first, second = sorted(rng.sample(range(SIZES[-1]), 2))
    for old, new in ((first, -1), (second, first), (-1, second)):
        db.execute("UPDATE audit_event SET log_index = ? WHERE log_index = ?", (new, old))
    return first, {K.REORDERED}


def cut_the_tail(db: sqlite3.Connection, rng: random.Random) -> tuple[int, set[FindingKind]]:
    size = rng.randrange(SIZES[-1])
    db.execute("DELETE FROM audit_event WHERE log_index >= ?", (size,))
    if rng.random() < 0.5:  # and make it look as if it had always been so
        keep = max((each for each in SIZES if each <= size), default=0)
        db.execute("DELETE FROM audit_event WHERE log_index >= ?", (keep,))
        db.execute("DELETE FROM audit_checkpoint WHERE size > ?", (keep,))
        leaves = db.execute("SELECT leaf FROM audit_event ORDER BY log_index").fetchall()
        hashes = [hash_leaf(leaf) for (leaf,) in leaves]
        db.execute("UPDATE audit_tile SET hashes = ?", (b"".join(hashes),))
        db.execute("UPDATE audit_head SET size = ?, root = ?", (keep, tree_root(hashes)))
        size = keep
    return size, {K.TAIL_CUT}


def edit_a_column(db: sqlite3.Connection, rng: random.Random) -> tuple[int, set[FindingKind]]:
    index = rng.randrange(SIZES[-1])
    column = rng.choice(["type", "outcome", "reason", "subject", "actor", "client_id", "session_id", "object_id"])
    value = rng.choice(["x", "", "idp:totp:verified", 7])
    db.execute(f"UPDATE audit_event SET {column} = ? WHERE log_index = ?", (value, index))
    return index, {K.COLUMNS_DISAGREE}


def renumber_from(db: sqlite3.Connection, rng: random.Random) -> tuple[int, set[FindingKind]]:
    index = rng.randrange(SIZES[-1])
    if rng.random() < 0.5:
        db.execute("DELETE FROM audit_event WHERE log_index = ?", (index,))
        rows = db.execute("SELECT id FROM audit_event WHERE log_index > ? ORDER BY log_index", (index,)).fetchall()
        for at, (event_id,) in enumerate(rows, index):
            db.execute("UPDATE audit_event SET log_index = ? WHERE id = ?", (at, event_id))
        return index, {K.REMOVED, K.TAIL_CUT}
    db.execute("UPDATE audit_event SET log_index = NULL WHERE log_index = ?", (index,))
    return index, {K.REORDERED}


def insert_one(db: sqlite3.Connection, rng: random.Random) -> tuple[int, set[FindingKind]]:
    index = rng.randrange(SIZES[-1] + 1)
    rows = db.execute("SELECT id FROM audit_event WHERE log_index >= ? ORDER BY log_index DESC", (index,)).fetchall()
    for at, (event_id,) in enumerate(rows):
        db.execute("UPDATE audit_event SET log_index = ? WHERE id = ?", (SIZES[-1] - at, event_id))
    db.execute(
        "INSERT INTO audit_event (id, type, occurred_at, outcome, leaf, log_index) VALUES (?, 't', '2026', 's', ?, ?)",
        (f"f{rng.getrandbits(64):x}", b'{"v":1}', index),
    )
    return index, {K.INSERTED}


def change_the_tree(db: sqlite3.Connection, rng: random.Random) -> tuple[int, set[FindingKind]]:
    index = rng.randrange(SIZES[-1])
    (octets,) = db.execute("SELECT hashes FROM audit_tile").fetchone()
    changed = bytearray(octets)
    changed[index * 32 + rng.randrange(32)] ^= rng.randrange(1, 256)
    db.execute("UPDATE audit_tile SET hashes = ?", (bytes(changed),))
    return index, {K.TREE_CHANGED}


def change_record_and_tree(db: sqlite3.Connection, rng: random.Random) -> tuple[int, set[FindingKind]]:
    index = rng.choice([0, 9])  # alone under their checkpoints
    leaf = b'{"v":1,"forged":%d}' % rng.getrandbits(32)
    (octets,) = db.execute("SELECT hashes FROM audit_tile").fetchone()
    changed = bytearray(octets)
    changed[index * 32 : index * 32 + 32] = hash_leaf(leaf)
    db.execute("UPDATE audit_tile SET hashes = ?", (bytes(changed),))
    db.execute("UPDATE audit_event SET leaf = ? WHERE log_index = ?", (leaf, index))
    return index, {K.CHANGED}


def forge_a_checkpoint(db: sqlite3.Connection, rng: random.Random) -> tuple[int, set[FindingKind]]:
    size = rng.choice(SIZES)
    (note,) = db.execute("SELECT note FROM audit_checkpoint WHERE size = ?", (size,)).fetchone()
    at = rng.randrange(len(note) - 4)
    other = rng.choice([each for each in "Aa09+/\n " if each != note[at]])
    db.execute("UPDATE audit_checkpoint SET note = ? WHERE size = ?", (note[:at] + other + note[at + 1 :], size))
    return size, {K.CHECKPOINT_FORGED, K.CHECKPOINT_REMOVED}


TAMPERINGS: list[Tampering] = [
    change_a_byte,
    delete_some,
    swap_two,
    cut_the_tail,
    edit_a_column,
    renumber_from,
    insert_one,
    change_the_tree,
    change_record_and_tree,
    forge_a_checkpoint,
]


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_random_tampering_is_found_and_the_first_bad_record_named(audit: AuditServices, write: Write) -> None:
    """Attack 15: random tamperings by a database superuser, each on a good log; all found, the right record named."""
    sequencer = Sequencer(audit)
    before = 0
    for size in SIZES:
        write(size - before, private=False)
        sequencer.run()
        before = size
    path = audit.database.url.database
    audit.database.dispose()
    db = sqlite3.connect(str(path), isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=OFF")
    good = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    for seed in range(ROUNDS):
        rng = random.Random(seed)
        tampering = TAMPERINGS[seed % len(TAMPERINGS)]
        db.execute("BEGIN IMMEDIATE")
        index, kinds = tampering(db, rng)
        db.execute("COMMIT")
        with pytest.raises(LogTamperedError) as caught:
            verify_stored_log(audit)
        first = caught.value.report.first
        assert first is not None
        assert (first.index, first.kind in kinds) == (index, True), (seed, tampering.__name__, index, kinds, first)
        db.execute("BEGIN IMMEDIATE")
        for table, rows in good.items():
            db.execute(f"DELETE FROM {table}")
            db.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)
        db.execute("COMMIT")
    assert verify_stored_log(audit).size == SIZES[-1]
    db.close()


TABLES = ("audit_event", "audit_tile", "audit_checkpoint", "audit_head")
