"""``sau ca log``: the first bad entry is named, whatever was done; what is missing is found."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, func, select, text, update

from audit.checkpoint import LogKey
from audit.findings import FindingKind, LogTamperedError
from audit.model import AuditEvent
from audit.proofs import verify_event_proof
from ca.ceremony.hierarchy import Hierarchy
from ca.commands import commands
from ca.issuance.model import Certificate
from ca.services import CaServices
from ca.transparency.backfill import Backfill, count_unlogged
from ca.transparency.entry import commitment
from ca.transparency.model import LOG_TABLES, CertificateLogEntry, PublicName
from ca.transparency.promise import sequence_waiting
from ca.transparency.verification import verify_stored_log
from tests.ca.transparency.made import make_logged, store

Run = Callable[..., Result]


@pytest.fixture
def run(services: CaServices) -> Run:
    """Run ``sau ca log \u2026``."""
    group = next(command for command in commands(lambda: services) if command.name == "ca")
    return lambda *words: CliRunner().invoke(group, ["log", *words])


@pytest.fixture
def issued(services: CaServices, hierarchy: Hierarchy, now: datetime) -> list[str]:
    """The serials of four certificates, one of them a person's; the log begins with the two authorities."""
    serials = []
    made = (("tls-server", None), ("tls-client", None), ("person-authentication", "01h"), ("tls-server", None))
    for profile, holder in made:
        with services.database.transaction() as session:
            serials += store(session, make_logged("a.gob.ec", now=now, profile=profile, holder_id=holder), now=now)
        sequence_waiting(services.certificate_log, now=now)
    return serials


def test_an_intact_log_verifies(services: CaServices, issued: list[str], run: Run) -> None:
    """Tree, signatures, anchors, entries, and the table of certificates beside."""
    report = verify_stored_log(services.certificate_log)
    assert (report.size, report.waiting, report.findings) == (6, 0, ())
    assert report.anchors == report.checkpoints > 0
    answer = run("verify", "--json")
    assert (answer.exit_code, json.loads(answer.output)["intact"]) == (0, True)
    assert run("verify", "--since", "4").exit_code == 0


def change_leaf(services: CaServices, serial: str) -> None:
    with services.database.transaction() as session:
        row = session.get_one(CertificateLogEntry, serial)
        row.leaf = row.leaf.replace(b'"profile_version":1', b'"profile_version":9').replace(
            b'"profile_version":2', b'"profile_version":9'
        )


def drop_entry(services: CaServices, serial: str) -> None:
    with services.database.transaction() as session:
        session.execute(delete(CertificateLogEntry).where(CertificateLogEntry.id == serial))


def change_certificate(services: CaServices, serial: str) -> None:
    with services.database.transaction() as session:
        session.execute(update(Certificate).where(Certificate.serial == serial).values(certificate_der=b"another"))


def drop_certificate(services: CaServices, serial: str) -> None:
    with services.database.transaction() as session:
        session.execute(delete(Certificate).where(Certificate.serial == serial))


def rename_entry(services: CaServices, serial: str) -> None:
    with services.database.transaction() as session:
        session.execute(update(CertificateLogEntry).where(CertificateLogEntry.id == serial).values(id="ab" * 8))


def change_commitment(services: CaServices, serial: str) -> None:
    with services.database.transaction() as session:
        session.execute(update(CertificateLogEntry).where(CertificateLogEntry.id == serial).values(commitment="0" * 64))


def smuggle(services: CaServices, _serial: str) -> None:
    now = services.clock.now()
    with services.database.transaction() as session:
        store(session, make_logged("contrabando.gob.ec", now=now), now=now, logged=False)


@pytest.mark.parametrize(
    ("harm", "kind", "place"),
    [
        (change_leaf, FindingKind.CHANGED, 3),
        (drop_entry, FindingKind.REMOVED, 3),
        (change_certificate, FindingKind.CHANGED, 3),
        (drop_certificate, FindingKind.REMOVED, 3),
        (rename_entry, FindingKind.COLUMNS_DISAGREE, 3),
        (change_commitment, FindingKind.COLUMNS_DISAGREE, 3),
        (smuggle, FindingKind.UNRECORDED, 6),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_the_first_bad_entry_is_named(
    services: CaServices,
    issued: list[str],
    run: Run,
    harm: Callable[[CaServices, str], None],
    kind: FindingKind,
    place: int,
) -> None:
    """Whoever rules the database is caught by what was signed before."""
    harm(services, issued[1])
    with pytest.raises(LogTamperedError) as tampered:
        verify_stored_log(services.certificate_log)
    first = tampered.value.report.first
    assert first is not None
    assert (first.kind, first.index) == (kind, place)
    answer = run("verify")
    assert answer.exit_code == 1
    assert f"{kind.value} at {place}" in answer.output


def test_an_export_is_verified_with_nothing_else_at_hand(
    services: CaServices, issued: list[str], run: Run, tmp_path: Path
) -> None:
    """Offline: the file and the key are enough, and a changed line is named."""
    bundle = tmp_path / "log.zip"
    key = json.loads(run("export", str(bundle), "--json").output)["log_key"]
    answer = run("verify", "--bundle", str(bundle), "--key", key, "--json")
    assert (answer.exit_code, json.loads(answer.output)["size"]) == (0, 6)
    other = key[: key.index("+")] + "+00000000+" + key.rsplit("+", 1)[1]
    assert run("verify", "--bundle", str(bundle), "--key", other).exit_code != 0
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(bundle) as good, zipfile.ZipFile(forged, "w") as bad:
        for name in good.namelist():
            lines = good.read(name).split(b"\n")
            if name == "leaves.jsonl":
                lines[4] = lines[4].replace(b"commitment", b"COMMITMENT", 1)
            bad.writestr(name, b"\n".join(lines))
    answer = run("verify", "--bundle", str(forged), "--key", key)
    assert answer.exit_code == 1
    assert "changed at 4" in answer.output


@pytest.mark.parametrize("which", [0, 2], ids=["institution", "person"])
def test_an_operator_proves_any_certificate(services: CaServices, issued: list[str], run: Run, which: int) -> None:
    """For a court: the proof of a person's certificate names the commitment, which the certificate itself opens."""
    document = json.loads(run("prove", issued[which], "--json").output)
    verify_event_proof(document, expected_key=LogKey.parse(document["log_key"]))
    with services.database.reading() as session:
        der = session.get_one(Certificate, issued[which]).certificate_der
    leaf = json.loads(document["leaf"])
    assert which == 0 or leaf["commitment"] == commitment(der or b"")
    assert run("prove", "ab12").exit_code == 1


def _forget_the_log(services: CaServices) -> None:
    with services.database.transaction() as session:
        for table in (*vars(LOG_TABLES).values(), PublicName):
            session.execute(delete(table))
        session.execute(text("DELETE FROM ca_public_certificate"))
        session.execute(text("DELETE FROM ca_public_institution"))
    for file in services.certificate_log.anchors.folder.iterdir():
        file.unlink()


def test_certificates_of_before_the_log_are_put_into_it(
    services: CaServices, issued: list[str], now: datetime, run: Run
) -> None:
    """An upgrade: the worker logs what is there, once, and says so in the evidence."""
    _forget_the_log(services)
    later = now + timedelta(hours=1)
    backfill = Backfill(services.certificate_log, services.journal)
    assert backfill.run(now=later) == 6
    assert backfill.done
    assert backfill.run(now=later) == 0
    assert Backfill(services.certificate_log, services.journal).run(now=later) == 0
    sequence_waiting(services.certificate_log, now=later)
    assert verify_stored_log(services.certificate_log).size == 6
    with services.database.reading() as session:
        kind = "ca:certificate:logged_late"
        assert session.scalar(select(func.count()).where(AuditEvent.type == kind)) == 1


def test_a_later_certificate_past_the_log_is_not_put_right_in_silence(
    services: CaServices, issued: list[str], now: datetime, run: Run
) -> None:
    """What appears without an entry after the log began stays an alarm until a person looks."""
    smuggle(services, issued[0])
    assert Backfill(services.certificate_log, services.journal).run(now=now) == 0
    with services.database.reading() as session:
        assert count_unlogged(session) == (0, 1)
    status = run("status", "--json")
    assert (status.exit_code, json.loads(status.output)["unlogged"]) == (1, 1)
    assert len(json.loads(run("backfill", "--dry-run", "--json").output)) == 1
    assert len(json.loads(run("backfill", "--json").output)) == 1
    assert run("status").exit_code == 0
    assert verify_stored_log(services.certificate_log).size == 7
