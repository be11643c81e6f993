"""Retention by years: archived, verified twice, deleted on record; what is gone can still be proved."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from audit.archive import ArchiveDamagedError, archive_year, prune_year
from audit.archive_file import Archive
from audit.bundle import LEAVES, BundleLog
from audit.export import export_log
from audit.findings import FindingKind, LogTamperedError
from audit.inspection import verify_stored_log
from audit.model import AuditEvent, AuditShard
from audit.proofs import prove_event, verify_event_proof
from audit.sequencer import Sequencer
from audit.services import AuditServices
from audit.verification import verify_log
from kernel.clock import ManualClock
from kernel.errors import Conflict, Fault, NotFound, Rejected
from tests.audit.conftest import Write

DAY = timedelta(days=1)
VERIFIER = Path(__file__).parents[2] / "examples" / "verify_log.py"


@pytest.fixture
def years(audit: AuditServices, write: Write, clock: ManualClock) -> dict[int, list[str]]:
    """Three years of records; the clock stands in a fourth."""
    sequencer, ids = Sequencer(audit, batch_limit=4), {}
    first = clock.now().year + 1
    for year in range(first, first + 3):
        clock.advance(datetime(year, 6, 1, tzinfo=UTC) - clock.now())
        ids[year] = write(6)
        sequencer.run()
    clock.advance(datetime(first + 3, 6, 1, tzinfo=UTC) - clock.now())
    sequencer.release()
    return ids


def sequence(audit: AuditServices) -> None:
    sequencer = Sequencer(audit)
    sequencer.run()
    sequencer.release()


def count(audit: AuditServices) -> int:
    with audit.database.reading() as session:
        return session.scalar(select(func.count()).select_from(AuditEvent)) or 0


def findings(audit: AuditServices, *archives: Path) -> list[tuple[FindingKind, int]]:
    try:
        verify_stored_log(audit, archives=archives)
    except LogTamperedError as error:
        return [(finding.kind, finding.index) for finding in error.report.findings]
    return []


def rewrite(archive: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    with zipfile.ZipFile(archive) as old:
        content = {each: old.read(each) for each in old.namelist()}
    content[LEAVES] = b"".join(change(content[LEAVES].splitlines(keepends=True)))
    with zipfile.ZipFile(archive, "w") as new:
        for each, octets in content.items():
            new.writestr(each, octets)


def test_an_archived_year_leaves_the_database_and_all_still_verifies(
    audit: AuditServices, years: dict[int, list[str]], clock: ManualClock, tmp_path: Path
) -> None:
    """Records before it, of it and after it are proved; the rest of the log is verified from the signed head there."""
    year, path = min(years), tmp_path / "first.zip"
    archived = archive_year(audit, year, path, now=clock.now())
    assert (archived.first, archived.stop) == (0, 6)
    assert path.stat().st_mode & 0o077 == 0
    assert count(audit) == 19  # the archive is on record, nothing is gone
    clock.advance(DAY)
    assert prune_year(audit, year, path, now=clock.now()) == 6
    assert prune_year(audit, year, path, now=clock.now()) == 0
    sequence(audit)
    report = verify_stored_log(audit, archives=[path])
    assert (report.archived, report.first_index, report.size) == (6, 6, 20)
    key = audit.log_key(audit.origin)
    with audit.database.reading() as session:
        proof = Archive.open(path).prove(session, audit, years[year][3]).as_document()
        verify_event_proof(proof, expected_key=key)
        verify_event_proof(prove_event(session, years[year + 1][0], log_key=key).as_document(), expected_key=key)
        with pytest.raises(NotFound):
            Archive.open(path).prove(session, audit, years[year + 1][0])
        with pytest.raises(Conflict, match="left the database"):
            export_log(session, tmp_path / "log.zip", log=audit)
    second = archive_year(audit, year + 1, tmp_path / "second.zip", now=clock.now())
    assert (second.first, second.stop) == (6, 12)


def test_the_whole_log_is_one_bundle_again_with_the_archives_of_what_left(
    audit: AuditServices, years: dict[int, list[str]], clock: ManualClock, tmp_path: Path
) -> None:
    """Who has the archives writes a bundle that is verified like any other, by us and without us; none may be bad."""
    year, paths = min(years), [tmp_path / "first.zip", tmp_path / "second.zip"]
    for offset, path in enumerate(paths):
        archive_year(audit, year + offset, path, now=clock.now())
    clock.advance(DAY)
    for offset, path in enumerate(paths):
        prune_year(audit, year + offset, path, now=clock.now())
    sequence(audit)
    whole, key = tmp_path / "whole.zip", audit.log_key(audit.origin)
    with audit.database.reading() as session:
        for wrong in ([], paths[1:], [*paths, paths[0]]):
            with pytest.raises(Conflict, match="left the database"):
                export_log(session, whole, log=audit, archives=wrong)
        size = export_log(session, whole, log=audit, archives=paths[::-1])
    assert verify_log(BundleLog(whole), log_key=audit.log_key).size == size
    checked = subprocess.run(
        [sys.executable, "-I", VERIFIER, whole, "--key", str(key)], capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 0, checked.stderr
    assert f"good: {size} records" in checked.stdout
    rewrite(paths[0], lambda lines: [lines[0].replace(b"success", b"failure"), *lines[1:]])
    with audit.database.reading() as session, pytest.raises(Fault, match="not the one"):
        export_log(session, tmp_path / "bad.zip", log=audit, archives=paths)
    assert not (tmp_path / "bad.zip").exists()


def test_nothing_is_deleted_in_haste(
    audit: AuditServices, years: dict[int, list[str]], clock: ManualClock, tmp_path: Path
) -> None:
    """Two steps a day apart, years in order, the last full one stays, and the file is the one on record."""
    first, path = min(years), tmp_path / "a.zip"
    for year, code in ((clock.now().year, "year_not_over"), (first + 1, "archive_earlier_first"), (2001, "no_records")):
        with pytest.raises((Rejected, Conflict, NotFound)) as refused:
            archive_year(audit, year, tmp_path / f"{year}.zip", now=clock.now())
        assert refused.value.code == code
    with pytest.raises(NotFound):
        prune_year(audit, first, path, now=clock.now())
    archive_year(audit, first, path, now=clock.now())
    with pytest.raises(Rejected, match="A day"):
        prune_year(audit, first, path, now=clock.now() + DAY / 2)
    with pytest.raises(Conflict):
        archive_year(audit, first, path, now=clock.now())  # the file is there
    other = tmp_path / "other.zip"
    other.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(Conflict):
        prune_year(audit, first, other, now=clock.now() + DAY)
    for year in (first + 1, first + 2):
        archive_year(audit, year, tmp_path / f"{year}.zip", now=clock.now())
    with pytest.raises(Rejected, match="last full year"):
        prune_year(audit, first + 2, tmp_path / f"{first + 2}.zip", now=clock.now() + DAY)
    assert count(audit) == 18 + 3


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param(
            lambda lines: [*lines[:2], lines[2].replace(b"success", b"failure"), *lines[3:]],
            (FindingKind.CHANGED, 2),
            id="changed",
        ),
        pytest.param(lambda lines: lines[:4] + lines[5:], (FindingKind.CHANGED, 4), id="removed"),
        pytest.param(lambda lines: lines[:5], (FindingKind.REMOVED, 5), id="cut"),
        pytest.param(lambda lines: [*lines, lines[0]], (FindingKind.INSERTED, 6), id="more"),
    ],
)
def test_a_damaged_archive_is_named(
    audit: AuditServices,
    years: dict[int, list[str]],
    clock: ManualClock,
    tmp_path: Path,
    change: Callable[[list[bytes]], list[bytes]],
    found: tuple[FindingKind, int],
) -> None:
    """The hashes that stayed say which record."""
    path = tmp_path / "first.zip"
    archive_year(audit, min(years), path, now=clock.now())
    assert findings(audit, path) == []
    rewrite(path, change)
    assert findings(audit, path) == [found]
    with audit.database.transaction() as session:  # even where the hash on record was made to fit
        session.get_one(AuditShard, min(years)).archive_sha256 = _sha256(path)
    with pytest.raises(ArchiveDamagedError):
        prune_year(audit, min(years), path, now=clock.now() + DAY)
    (tmp_path / "none.zip").write_bytes(b"PK")
    with pytest.raises(Rejected):
        Archive.open(tmp_path / "none.zip")


def test_a_beginning_that_was_cut_without_a_record_is_found(
    audit: AuditServices, years: dict[int, list[str]], clock: ManualClock, tmp_path: Path
) -> None:
    """Who rules the database writes the row that excuses the gap; the log does not say so."""
    with audit.database.transaction() as session:
        session.execute(delete(AuditEvent).where(AuditEvent.id.in_(years[min(years)])))
        now = clock.now()
        session.add(
            AuditShard(year=min(years), first=0, stop=6, archive_sha256="0" * 64, archived_at=now, pruned_at=now)
        )
    assert findings(audit) == [(FindingKind.UNRECORDED, 0)]


def test_the_archive_says_what_it_is(
    audit: AuditServices, years: dict[int, list[str]], clock: ManualClock, tmp_path: Path
) -> None:
    """Whoever finds the file in twenty years."""
    archive_year(audit, min(years), tmp_path / "a.zip", now=clock.now())
    with zipfile.ZipFile(tmp_path / "a.zip") as bundle:
        head = json.loads(bundle.read("archive.json"))
        assert {"log-key.txt", "checkpoints.jsonl", LEAVES, "leaf-hashes.txt"} <= set(bundle.namelist())
    assert head == {
        "format": "sau-audit-archive/1",
        "origin": audit.origin,
        "year": min(years),
        "first": 0,
        "stop": 6,
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
