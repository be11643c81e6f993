"""Attacks and faults, line 15: whoever rules the database is found, and the first bad record is named.

Each round tampers by chance within a transaction, has the log verified in it, and takes it back. The same seed gives
the same tampering; a round that fails names its seed.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from audit.findings import Finding, FindingKind, LogTamperedError
from audit.log_source import DatabaseLog
from audit.merkle import hash_leaf, tree_root
from audit.sequencer import Sequencer
from audit.services import AuditServices, ensure_log_key
from audit.verification import verify_log
from composition import Composition
from tests.audit.conftest import Write
from tests.audit.conftest import write as write
from tests.faults import Figure, rounds, turns

SIZES = (1, 4, 9, 10, 18, 30)  # of the trees that were signed
END = SIZES[-1]
K = FindingKind
#: Where the first bad record is, and what the finding may say about it.
Expected = tuple[int, set[FindingKind]]


class Superuser:
    """What somebody does who may write every table: the one place here that knows how places are stored."""

    def __init__(self, session: Session, rng: random.Random) -> None:
        self.session, self.rng = session, rng

    def run(self, statement: str, **values: object) -> None:
        self.session.execute(text(statement), values)

    def octets(self, statement: str, **values: object) -> bytes:
        return bytes(self.session.execute(text(statement), values).scalar_one())

    def leaf(self, place: int) -> bytes:
        return self.octets("SELECT leaf FROM audit_event WHERE log_index = :place", place=place)

    def put_leaf(self, place: int, leaf: bytes) -> None:
        self.run("UPDATE audit_event SET leaf = :leaf WHERE log_index = :place", leaf=leaf, place=place)

    def put_column(self, place: int, column: str, value: str) -> None:
        self.run(f"UPDATE audit_event SET {column} = :value WHERE log_index = :place", value=value, place=place)

    def delete(self, place: int) -> None:
        self.run("DELETE FROM audit_event WHERE log_index = :place", place=place)

    def delete_from(self, place: int) -> None:
        self.run("DELETE FROM audit_event WHERE log_index >= :place", place=place)

    def move(self, place: int, to: int | None) -> None:
        self.run("UPDATE audit_event SET log_index = :to WHERE log_index = :place", place=place, to=to)

    def insert(self, place: int, leaf: bytes) -> None:
        self.run(
            "INSERT INTO audit_event (id, type, occurred_at, outcome, leaf, log_index)"
            " VALUES (:id, 't', '2026-01-01 00:00:00+00:00', 's', :leaf, :place)",
            id=f"f{self.rng.getrandbits(64):x}",
            leaf=leaf,
            place=place,
        )

    def hashes(self) -> bytearray:
        return bytearray(self.octets("SELECT hashes FROM audit_tile"))

    def put_hashes(self, hashes: bytes) -> None:
        self.run("UPDATE audit_tile SET hashes = :hashes", hashes=bytes(hashes))

    def put_head(self, size: int, root: bytes) -> None:
        self.run("UPDATE audit_head SET size = :size, root = :root", size=size, root=root)


def change_a_byte(attacker: Superuser, rng: random.Random) -> Expected:
    place = rng.randrange(END)
    changed = bytearray(attacker.leaf(place))
    changed[rng.randrange(len(changed))] ^= rng.randrange(1, 256)
    attacker.put_leaf(place, bytes(changed))
    return place, {K.CHANGED}


def change_what_it_says(attacker: Superuser, rng: random.Random) -> Expected:
    """A well-formed record with another outcome, columns and all."""
    place = rng.randrange(END)
    attacker.put_leaf(place, attacker.leaf(place).replace(b'"success"', b'"failure"'))
    attacker.put_column(place, "outcome", "failure")
    return place, {K.CHANGED}


def delete_some(attacker: Superuser, rng: random.Random) -> Expected:
    gone = rng.sample(range(END), rng.randrange(1, 4))
    for place in gone:
        attacker.delete(place)
    return min(gone), {K.REMOVED, K.TAIL_CUT}


def delete_and_close_up(attacker: Superuser, rng: random.Random) -> Expected:
    place = rng.randrange(END)
    attacker.delete(place)
    for following in range(place + 1, END):
        attacker.move(following, following - 1)
    return place, {K.REMOVED, K.TAIL_CUT}


def take_a_place_away(attacker: Superuser, rng: random.Random) -> Expected:
    place = rng.randrange(END)
    attacker.move(place, None)
    return place, {K.REORDERED}


def swap_two(attacker: Superuser, rng: random.Random) -> Expected:
    first, second = sorted(rng.sample(range(END), 2))
    for old, new in ((first, -1), (second, first), (-1, second)):
        attacker.move(old, new)
    return first, {K.REORDERED}


def turn_some_round(attacker: Superuser, rng: random.Random) -> Expected:
    first, last = sorted(rng.sample(range(END), 2))
    attacker.move(first, -1)
    for place in range(first + 1, last + 1):
        attacker.move(place, place - 1)
    attacker.move(-1, last)
    return first, {K.REORDERED}


def cut_the_tail(attacker: Superuser, rng: random.Random) -> Expected:
    place = rng.randrange(END)
    attacker.delete_from(place)
    return place, {K.TAIL_CUT}


def restore_an_older_backup(attacker: Superuser, rng: random.Random) -> Expected:
    """A state that fits together perfectly, as it was at some signed head: only the anchors know better."""
    size = rng.choice(SIZES[:-1])
    attacker.delete_from(size)
    attacker.run("DELETE FROM audit_checkpoint WHERE size > :size", size=size)
    hashes = [hash_leaf(attacker.leaf(place)) for place in range(size)]
    attacker.put_hashes(b"".join(hashes))
    attacker.put_head(size, tree_root(hashes))
    return size, {K.TAIL_CUT}


def edit_a_column(attacker: Superuser, rng: random.Random) -> Expected:
    place = rng.randrange(END)
    column = rng.choice(["type", "outcome", "reason", "subject", "actor", "client_id", "session_id", "object_id"])
    attacker.put_column(place, column, rng.choice(["x", "", "idp:x:y", "7"]))
    return place, {K.COLUMNS_DISAGREE}


def insert_one(attacker: Superuser, rng: random.Random) -> Expected:
    place = rng.randrange(END + 1)
    for following in range(END - 1, place - 1, -1):
        attacker.move(following, following + 1)
    attacker.insert(place, b'{"v":1}')
    return place, {K.INSERTED}


def change_the_tree(attacker: Superuser, rng: random.Random) -> Expected:
    place, hashes = rng.randrange(END), attacker.hashes()
    hashes[place * 32 + rng.randrange(32)] ^= rng.randrange(1, 256)
    attacker.put_hashes(hashes)
    return place, {K.TREE_CHANGED}


def change_record_and_tree(attacker: Superuser, rng: random.Random) -> Expected:
    """Both sides together: the signed heads bound the place, here exactly, for these stand alone under theirs."""
    place, hashes = rng.choice([0, 9]), attacker.hashes()
    leaf = b'{"v":1,"forged":%d}' % rng.getrandbits(32)
    hashes[place * 32 : place * 32 + 32] = hash_leaf(leaf)
    attacker.put_hashes(hashes)
    attacker.put_leaf(place, leaf)
    return place, {K.CHANGED}


def forge_a_checkpoint(attacker: Superuser, rng: random.Random) -> Expected:
    size = rng.choice(SIZES)
    where = {"size": size}
    note = str(attacker.session.execute(text("SELECT note FROM audit_checkpoint WHERE size = :size"), where).scalar())
    at = rng.randrange(len(note) - 4)
    other = rng.choice([each for each in "Aa09+/\n " if each != note[at]])
    changed = note[:at] + other + note[at + 1 :]
    attacker.run("UPDATE audit_checkpoint SET note = :note WHERE size = :size", note=changed, size=size)
    return size, {K.CHECKPOINT_FORGED, K.CHECKPOINT_REMOVED}


def remove_a_checkpoint(attacker: Superuser, rng: random.Random) -> Expected:
    size = rng.choice(SIZES)
    attacker.run("DELETE FROM audit_checkpoint WHERE size = :size", size=size)
    return size, {K.CHECKPOINT_REMOVED}


TAMPERINGS: list[Callable[[Superuser, random.Random], Expected]] = [
    change_a_byte,
    change_what_it_says,
    delete_some,
    delete_and_close_up,
    take_a_place_away,
    swap_two,
    turn_some_round,
    cut_the_tail,
    restore_an_older_backup,
    edit_a_column,
    insert_one,
    change_the_tree,
    change_record_and_tree,
    forge_a_checkpoint,
    remove_a_checkpoint,
]


@pytest.fixture
def log(composition: Composition) -> AuditServices:
    """The evidence with its key."""
    ensure_log_key(composition.keystore)
    return composition.audit


@pytest.fixture
def audit(log: AuditServices) -> AuditServices:
    """What the fixture that writes events asks for."""
    return log


def test_every_tampering_is_found_and_the_first_bad_record_named(
    audit: AuditServices, write: Write, figure: Figure
) -> None:
    """All of them, on both databases: none passes, and none is put down to another record."""
    sequencer, before = Sequencer(audit), 0
    for size in SIZES:
        write(size - before, private=False)
        sequencer.run()
        before = size
    anchors, done = list(audit.anchors), Counter[str]()
    many = rounds(150, 10_000)
    with audit.database.engine.connect() as connection:
        for seed in turns("tamperings", many):
            rng = random.Random(seed)
            tampering = TAMPERINGS[seed % len(TAMPERINGS)]
            with connection.begin() as transaction, Session(connection) as session:
                place, kinds = tampering(Superuser(session, rng), rng)
                first = _first_finding(audit, session, anchors)
                told = (seed, tampering.__name__, place, kinds, first)
                assert first is not None, told
                assert (first.index, first.kind in kinds) == (place, True), told
                transaction.rollback()
            done[tampering.__name__] += 1
        with connection.begin(), Session(connection) as session:
            assert _first_finding(audit, session, anchors) is None  # the rounds left the log as it was
    assert len(done) == len(TAMPERINGS)
    name = "SQLite" if audit.database.is_sqlite else "PostgreSQL"
    figure(f"tamperings found with their first bad record, {name}", sum(done.values()), f"of {many:,}")


def _first_finding(audit: AuditServices, session: Session, anchors: list[object]) -> Finding | None:
    source = DatabaseLog(session, anchors=anchors, default_origin=audit.origin)  # type: ignore[arg-type]
    try:
        verify_log(source, log_key=audit.log_key)
    except LogTamperedError as error:
        return error.report.first
    return None
