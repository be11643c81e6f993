"""`sau backup` while people log in, `sau restore`, and going on after one: nothing torn, nothing unseen."""

from __future__ import annotations

import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pyrage
import pytest
from sqlalchemy import func, select, text

from audit.event import Event
from audit.inspection import verify_stored_log
from audit.loss import accept_loss, find_loss, kept_anchors
from audit.model import AuditEvent
from audit.sequencer import LogDamagedError, Sequencer
from audit.services import ensure_log_key
from audit.vocabulary import EventType
from composition import Composition
from kernel.clock import ManualClock
from kernel.errors import Conflict, NotFound, Rejected, ServiceError
from kernel.secret_text import SecretText
from kernel.settings import Settings
from operations import schema
from operations.backup.make import make_backup
from operations.backup.recovery_key import make_recovery_key, open_recovery_key
from operations.backup.restore import restore_backup, verify_backup
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.process import find_program

_PASSPHRASE = SecretText("doce colibríes verdes")


@dataclass(frozen=True)
class RecoveryKey:
    """A recovery key: its file, its public half, and what is in it."""

    file: Path
    public: str
    identities: list[pyrage.x25519.Identity]


@dataclass
class Ground:
    """An installed service, and a recovery key."""

    service: Composition
    public: str
    identities: list[pyrage.x25519.Identity]
    folder: Path
    empty: Callable[[], str]
    clock: ManualClock
    sequencer: Sequencer

    def backup(self, name: str = "backup.age") -> Path:
        """Make a backup and return its file."""
        file = self.folder / name
        make_backup(
            self.service, file, recipients=[self.public], environ={"SAU_SMTP_URL": "smtp://x"}, now=self.clock.now()
        )
        return file

    def new_place(self) -> Settings:
        """Return settings of the same service on a new machine: nothing is there."""
        self.folder.mkdir(exist_ok=True)
        update = {"home": self.folder / "new" / "home", "database_url": self.empty()}
        return self.service.settings.model_copy(update=update)

    def record(self, number: int = 3) -> None:
        """Let things happen, and be sequenced."""
        write_events(self.service, number)
        self.sequencer.run()


def write_events(service: Composition, number: int) -> None:
    """Record events, a transaction each."""
    for _ in range(number):
        with service.database.transaction() as session:
            service.journal.record(session, Event(type=EventType.SERVICE_STARTED), now=service.clock.now())


@pytest.fixture(scope="module")
def recovery_key(tmp_path_factory: pytest.TempPathFactory) -> RecoveryKey:
    """A recovery key under a passphrase: making and opening it takes a second each, on purpose."""
    file = tmp_path_factory.mktemp("recovery") / "recovery.age"
    public = make_recovery_key(file, _PASSPHRASE)
    return RecoveryKey(file, public, open_recovery_key(file, _PASSPHRASE))


@pytest.fixture
def ground(
    request: pytest.FixtureRequest,
    settings: Settings,
    clock: ManualClock,
    tmp_path: Path,
    recovery_key: RecoveryKey,
) -> Iterator[Ground]:
    """A service with the least that a service has, on each database."""
    made: list[str] = []

    def empty() -> str:
        if settings.effective_database_url.startswith("sqlite"):
            return ""
        server: PostgreSqlServer = request.getfixturevalue("postgresql")
        made.append(server.create_database(with_schema=False))
        return server.url(made[-1])

    service = Composition(settings, clock=clock)
    _, newest = schema.current(service.database)
    with service.database.engine.begin() as connection:  # the tables are those of a template
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": newest})
    ensure_log_key(service.keystore)
    ground = Ground(
        service,
        recovery_key.public,
        recovery_key.identities,
        tmp_path / "kept",
        empty,
        clock,
        Sequencer(service.audit),
    )
    ground.folder.mkdir()
    ground.record()
    yield ground
    service.database.dispose()
    for name in made:
        request.getfixturevalue("postgresql").drop_database(name)


def test_a_backup_under_load_is_whole_and_verifies(ground: Ground) -> None:
    """Writes go on while it is made, none waits for its end, and what is in it fits together to the last hash."""
    stop, written = threading.Event(), []

    def go_on() -> None:
        while not stop.is_set():
            write_events(ground.service, 2)
            written.append(2)

    def sequence() -> None:
        while not stop.is_set():
            ground.sequencer.run()

    threads = [threading.Thread(target=work) for work in (go_on, go_on, sequence)]
    for thread in threads:
        thread.start()
    try:
        files = []
        for number in range(2):
            before = len(written)
            files.append(ground.backup(f"{number}.age"))
            assert len(written) > before
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for file in files:
        found = verify_backup(
            ground.service.settings, file, identities=ground.identities, clock=ground.clock, database_url=ground.empty()
        )
        assert found.checked.records >= 3
        # More was signed since: the heads in the home say so.
        assert [each.log for each in found.behind] == ["audit"]
        assert not list(ground.service.settings.home.glob(".scratch-*"))


def test_a_restored_service_is_the_same_service(ground: Ground) -> None:
    """Rows, keys, heads, settings; and the restoration itself is on record."""
    file = ground.backup()
    place = ground.new_place()
    found = restore_backup(place, file, identities=ground.identities, clock=ground.clock)
    assert (found.behind, found.checked.upgraded_from) == ((), None)
    assert "the root's key" in found.apart
    there = Composition(place, clock=ground.clock)
    assert there.keystore.names() == ground.service.keystore.names()
    assert there.sealing_secret == ground.service.sealing_secret
    assert "SAU_SMTP_URL=smtp://x" in (place.home / "restored-settings.env").read_text()
    assert {path.stat().st_mode & 0o077 for path in place.home.rglob("*")} == {0}
    ground.clock.advance(timedelta(seconds=10))  # the lease that the old machine held
    Sequencer(there.audit).run()
    with there.database.reading() as session:
        last = session.scalars(select(AuditEvent.type).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert last == "service:backup:restored"
    verify_stored_log(there.audit)
    there.database.dispose()


def test_an_older_state_stops_the_log_until_a_person_says_why(ground: Ground) -> None:
    """A rollback is recognised by heads kept elsewhere, accepted on record, and its evidence stays."""
    file = ground.backup()
    ground.record(4)  # the backup's own record, and four more: signed, acknowledged, and soon gone
    heads = ground.service.settings.home
    place = ground.new_place()
    found = restore_backup(place, file, identities=ground.identities, clock=ground.clock, heads=heads)
    assert [(each.log, each.missing) for each in found.behind] == [("audit", 5)]
    there = Composition(place, clock=ground.clock)
    ground.clock.advance(timedelta(seconds=10))  # the lease that the old machine held
    sequencer = Sequencer(there.audit)
    with pytest.raises(LogDamagedError, match="was signed and the database has"):
        sequencer.run()
    loss = find_loss(there.audit)
    assert loss.missing == 5
    verify_stored_log(there.audit, anchors=kept_anchors(there.audit, loss))
    aside = accept_loss(there.audit, loss, journal=there.journal, reason="disk 2 failed", now=ground.clock.now())
    assert sum(len(path.read_bytes().splitlines()) for path in aside.glob("*.txt")) > 0
    assert sequencer.run() == 2  # that it was restored, and that the loss was accepted
    verify_stored_log(there.audit)
    with there.database.reading() as session:
        [leaf] = session.scalars(select(AuditEvent.leaf).where(AuditEvent.type == "service:log:loss_accepted"))
    assert b"disk 2 failed" in leaf
    assert loss.root.hex().encode() in leaf
    with pytest.raises(NotFound, match="missing"):
        find_loss(there.audit)
    there.database.dispose()


def test_loss_is_not_accepted_where_nothing_is_lost(ground: Ground) -> None:
    """Nor where a line was written by somebody without the log's key: it says nothing."""
    folder = ground.service.audit.anchors.folder
    [day] = folder.glob("*.txt")
    with day.open("a") as file:
        file.write(f"999 {'A' * 43}= {'A' * 86}==\n")
    with pytest.raises(NotFound):
        find_loss(ground.service.audit)


def test_nothing_that_is_there_is_overwritten(ground: Ground) -> None:
    """Not a database with tables, not another service's keys."""
    file = ground.backup()
    with ground.service.database.reading() as session:
        before = session.scalar(select(func.count()).select_from(AuditEvent))
    with pytest.raises(Conflict, match="There are tables"):
        restore_backup(ground.service.settings, file, identities=ground.identities, clock=ground.clock)
    place = ground.new_place()
    place.keystore_folder.mkdir(parents=True, mode=0o700)
    place.home.chmod(0o700)
    (place.keystore_folder / "sealing.secret").write_text("another")
    with pytest.raises(Conflict, match="another one"):
        restore_backup(place, file, identities=ground.identities, clock=ground.clock)
    with ground.service.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AuditEvent)) == before
    with pytest.raises(Conflict, match="exists already"):
        ground.backup()


@pytest.mark.parametrize("change", ["cut", "flipped", "other key", "no backup"])
def test_a_backup_that_was_changed_or_is_not_ours_is_refused(ground: Ground, change: str) -> None:
    """Each octet is under the seal; nothing of it is looked at further."""
    file, identities = ground.backup(), ground.identities
    octets = bytearray(file.read_bytes())
    if change == "cut":
        file.write_bytes(octets[:-2000])
    elif change == "flipped":
        octets[len(octets) // 2] ^= 1
        file.write_bytes(octets)
    elif change == "other key":
        identities = [pyrage.x25519.Identity.generate()]
    else:
        file.write_bytes(b"PK\3\4" * 1000)
    with pytest.raises(Rejected, match="does not open"):
        verify_backup(ground.service.settings, file, identities=identities, clock=ground.clock)


def test_a_backup_that_someone_else_put_together_is_refused(ground: Ground) -> None:
    """Whoever knows the public recovery key can seal; only the log's key signs the manifest, which has every hash."""
    file = ground.backup()
    packed = BytesIO(pyrage.decrypt(file.read_bytes(), ground.identities))
    forged = BytesIO()
    with tarfile.open(fileobj=packed) as old, tarfile.open(fileobj=forged, mode="w:gz") as new:
        for member in old:
            source = old.extractfile(member)
            assert source is not None
            octets = source.read()
            if member.name == "settings.env":
                octets = octets.replace(b"smtp://x", b"smtp://y")
            member.size = len(octets)
            new.addfile(member, BytesIO(octets))
    recipient = pyrage.x25519.Recipient.from_str(ground.public)
    file.write_bytes(pyrage.encrypt(forged.getvalue(), [recipient]))
    with pytest.raises(Rejected, match=r"settings\.env is not what the manifest says"):
        verify_backup(ground.service.settings, file, identities=ground.identities, clock=ground.clock)


def test_a_damaged_record_in_a_backup_is_named(ground: Ground) -> None:
    """Restoring verifies the whole log: a backup of evidence that was bent is not good."""
    with ground.service.database.transaction() as session:
        session.execute(text("UPDATE audit_event SET leaf = :leaf"), {"leaf": b"{}"})
    file = ground.backup()
    with pytest.raises(ServiceError, match="not good: log audit: changed at 0") as caught:
        verify_backup(
            ground.service.settings, file, identities=ground.identities, clock=ground.clock, database_url=ground.empty()
        )
    assert caught.value.code == "restored_damaged"


def test_the_root_and_what_is_printed_is_in_no_backup(ground: Ground) -> None:
    """Attacks and faults: the root's key is kept apart; the report says what was left out."""
    home = ground.service.settings.home
    for name in ("root", "shares"):
        (home / name).mkdir(mode=0o700)
        (home / name / "secret.key").write_text("secret")
    (home / "root-passphrase").write_text("secret")
    file = ground.folder / "backup.age"
    made = make_backup(
        ground.service,
        file,
        recipients=[ground.public],
        environ={},
        passphrase=False,
        now=ground.clock.now(),
    )
    names = [part.name for part in made.manifest.parts]
    assert not [name for name in names if "root" in name or "share" in name or "passphrase" in name]
    assert {"root", "root-passphrase", "shares"} <= set(made.left_out)
    found = verify_backup(
        ground.service.settings, file, identities=ground.identities, clock=ground.clock, database_url=ground.empty()
    )
    assert "the key store's passphrase" in found.apart  # it was opened by the one that is kept here


def test_age_and_tar_open_a_backup_without_us(ground: Ground) -> None:
    """The format is age's: a person with the recovery key and no SAU gets at the files."""
    age = find_program("age", package="age")
    file = ground.backup()
    identity = ground.folder / "identity.txt"
    identity.write_text("".join(f"{each}\n" for each in ground.identities))
    opened = subprocess.run([age, "-d", "-i", identity, file], capture_output=True, check=True).stdout
    listed = subprocess.run(["tar", "-tz"], input=opened, capture_output=True, check=True).stdout.decode().split()
    assert listed[:2] == ["MANIFEST.json", "MANIFEST.signature"]
    assert {"database", "keys/audit-log.key", "passphrase", "settings.env"} <= set(listed)


def test_a_recovery_key_needs_a_passphrase_worth_its_name(tmp_path: Path, recovery_key: RecoveryKey) -> None:
    """It opens everything: short ones are refused, a wrong one opens nothing."""
    with pytest.raises(Rejected, match="12 characters"):
        make_recovery_key(tmp_path / "a.age", SecretText("short"))
    file = recovery_key.file
    assert file.stat().st_mode & 0o077 == 0
    assert b"AGE-SECRET-KEY" not in file.read_bytes()
    with pytest.raises(Rejected, match="passphrase"):
        open_recovery_key(file, SecretText("another passphrase"))


def test_without_a_recovery_key_no_backup_is_made(ground: Ground) -> None:
    """An open file of everything is not an option."""
    with pytest.raises(Rejected, match="recovery-key"):
        make_backup(ground.service, ground.folder / "b.age", recipients=[], environ=os.environ, now=ground.clock.now())
    assert list(ground.folder.iterdir()) == []
