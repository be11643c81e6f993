"""What leaves the service can be checked without it: proofs, bundles, the independent verifier."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.bundle import HASHES, LEAVES, BundleLog
from audit.checkpoint import CheckpointError, LogKey
from audit.export import export_events, export_log
from audit.findings import FindingKind, LogTamperedError
from audit.merkle import ProofError, hash_leaf
from audit.proofs import prove_event, verify_event_proof
from audit.sequencer import Sequencer
from audit.services import AuditServices
from audit.verification import verify_log
from kernel.errors import Conflict, NotFound, Rejected
from keys.signer import Algorithm, PrivateKeySigner, generate_private_key
from tests.audit.conftest import Write

VERIFIER = Path(__file__).parents[2] / "examples" / "verify_log.py"


@pytest.fixture
def key(audit: AuditServices) -> LogKey:
    return audit.log_key(audit.origin)


@pytest.fixture
def bundle(audit: AuditServices, write: Write, key: LogKey, tmp_path: Path) -> Path:
    """An exported log of 10 records under heads of 4, 8 and 10."""
    write(10)
    Sequencer(audit, batch_limit=4).run()
    write(1)
    with audit.database.reading() as session:
        assert export_log(session, tmp_path / "log.zip", log=audit) == 10
    return tmp_path / "log.zip"


def rewrite(bundle: Path, name: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the lines of one file of the bundle."""
    with zipfile.ZipFile(bundle) as old:
        content = {each: old.read(each) for each in old.namelist()}
    content[name] = b"".join(change(content[name].splitlines(keepends=True)))
    with zipfile.ZipFile(bundle, "w") as new:
        for each, octets in content.items():
            new.writestr(each, octets)


def independent(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(VERIFIER), *(str(each) for each in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_every_event_has_a_proof_that_anyone_can_verify(
    audit: AuditServices, write: Write, key: LogKey, tmp_path: Path
) -> None:
    """From JSON and the public key alone, also by the independent verifier."""
    ids = write(9)
    Sequencer(audit).run()
    for event_id in ids:
        with audit.database.reading() as session:
            document = json.loads(json.dumps(prove_event(session, event_id, log_key=key).as_document()))
        assert json.loads(document["leaf"])["id"] == event_id
        verify_event_proof(document, expected_key=key)
    (tmp_path / "proof.json").write_text(json.dumps(document))
    outcome = independent("--proof", tmp_path / "proof.json", "--key", key)
    assert outcome.returncode == 0, outcome.stderr
    assert ids[-1] in outcome.stdout
    document["leaf"] = document["leaf"].replace("success", "failure")
    with pytest.raises(ProofError):
        verify_event_proof(document, expected_key=key)
    (tmp_path / "proof.json").write_text(json.dumps(document))
    assert independent("--proof", tmp_path / "proof.json", "--key", key).returncode == 1


def test_refuses_a_malformed_proof_and_the_key_of_another(audit: AuditServices, write: Write, key: LogKey) -> None:
    """What comes from outside is checked before it is used."""
    (event_id,) = write(1)
    with audit.database.reading() as session, pytest.raises(NotFound):
        prove_event(session, event_id, log_key=key)
    Sequencer(audit).run()
    with audit.database.reading() as session:
        good = prove_event(session, event_id, log_key=key).as_document()
        with pytest.raises(NotFound):
            prove_event(session, event_id, log_key=key, size=77)
    other = LogKey.of(key.name, PrivateKeySigner("x", generate_private_key(Algorithm.EDDSA), Algorithm.EDDSA))
    with pytest.raises(CheckpointError):
        verify_event_proof(good, expected_key=other)
    for name, value in [
        ("format", "x"),
        ("leaf", 1),
        ("leaf", "é"),
        ("index", True),
        ("index", 1),
        ("hashes", "x"),
        ("hashes", ["%"]),
        ("hashes", ["AAAA"]),
        ("checkpoint", None),
    ]:
        with pytest.raises(ProofError):
            verify_event_proof({**good, name: value}, expected_key=key)


def test_a_bundle_verifies_offline_by_both_verifiers(bundle: Path, key: LogKey) -> None:
    """Neither the database nor the service is asked."""
    report = verify_log(BundleLog(bundle), log_key=lambda _: key)
    assert (report.size, report.checkpoints) == (10, 3)
    outcome = independent(bundle, "--key", key)
    assert outcome.returncode == 0, outcome.stderr
    assert "good: 10 records, 3 signed heads" in outcome.stdout


def test_a_bundle_holds_no_personal_data(bundle: Path) -> None:
    """Commitments and ciphertext only."""
    with zipfile.ZipFile(bundle) as file:
        assert b"example.test" not in file.read(LEAVES)


@pytest.mark.parametrize(
    ("change", "kind", "index"),
    [
        (lambda lines: [*lines[:5], lines[5].replace(b"success", b"failure"), *lines[6:]], FindingKind.CHANGED, 5),
        (lambda lines: [*lines[:5], *lines[6:]], FindingKind.REMOVED, 5),
        (lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]], FindingKind.REORDERED, 5),
        (lambda lines: lines[:7], FindingKind.TAIL_CUT, 7),
        (lambda lines: [*lines, b"{}\n"], FindingKind.INSERTED, 10),
        (lambda lines: [*lines[:3], b"{}\n", *lines[3:]], FindingKind.INSERTED, 3),
    ],
)
def test_a_changed_bundle_is_found_by_both_verifiers(
    bundle: Path, key: LogKey, change: Callable[[list[bytes]], list[bytes]], kind: FindingKind, index: int
) -> None:
    """Each names the first bad record."""
    rewrite(bundle, LEAVES, change)
    with pytest.raises(LogTamperedError) as caught:
        verify_log(BundleLog(bundle), log_key=lambda _: key)
    first = caught.value.report.first
    assert first is not None
    assert (first.kind, first.index) == (kind, index)
    outcome = independent(bundle, "--key", key)
    assert outcome.returncode == 1
    assert str(index) in outcome.stderr


def test_a_record_and_its_hash_changed_together_do_not_pass(bundle: Path, key: LogKey) -> None:
    """The stated hashes only name; the signature decides."""
    with zipfile.ZipFile(bundle) as file:
        forged = file.read(LEAVES).splitlines()[5].replace(b"success", b"failure")
    rewrite(bundle, LEAVES, lambda lines: [*lines[:5], forged + b"\n", *lines[6:]])
    rewrite(bundle, HASHES, lambda lines: [*lines[:5], hash_leaf(forged).hex().encode() + b"\n", *lines[6:]])
    with pytest.raises(LogTamperedError):
        verify_log(BundleLog(bundle), log_key=lambda _: key)
    assert independent(bundle, "--key", key).returncode == 1


def test_a_bundle_signed_by_another_key_is_refused(bundle: Path, key: LogKey) -> None:
    """The key comes from elsewhere than from the bundle."""
    other = LogKey.of(key.name, PrivateKeySigner("x", generate_private_key(Algorithm.EDDSA), Algorithm.EDDSA))
    with pytest.raises(LogTamperedError) as caught:
        verify_log(BundleLog(bundle), log_key=lambda _: other)
    assert caught.value.report.findings[0].kind is FindingKind.CHECKPOINT_REMOVED
    assert independent(bundle, "--key", other).returncode == 1


def test_a_record_nested_without_end_is_named(bundle: Path, key: LogKey) -> None:
    """Whoever forges a record does not end the verifier."""
    rewrite(bundle, LEAVES, lambda lines: [*lines[:5], b"[" * 60_000 + b"\n", *lines[6:]])
    with pytest.raises(LogTamperedError) as caught:
        verify_log(BundleLog(bundle), log_key=lambda _: key)
    assert caught.value.report.first.index == 5


def _damage(octets: bytearray, name: str) -> None:
    begin = octets.find(name.encode()) + len(name) + 10
    octets[begin : begin + 40] = b"\xff" * 40


def _encrypt(octets: bytearray, _name: str) -> None:
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = 0
        while (at := octets.find(signature, at)) >= 0:
            octets[at + flags] |= 1
            at += 4


@pytest.mark.parametrize("spoil", [_damage, _encrypt])
def test_a_file_that_cannot_be_unpacked_is_refused(
    bundle: Path, key: LogKey, spoil: Callable[[bytearray, str], None]
) -> None:
    """Damaged or encrypted, whether one finds it at the beginning or on the way."""
    with zipfile.ZipFile(bundle) as old:
        content = {each: old.read(each) for each in old.namelist()}
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as new:
        for each, octets in content.items():
            new.writestr(each, octets)
    spoiled = bytearray(bundle.read_bytes())
    spoil(spoiled, LEAVES)
    bundle.write_bytes(spoiled)
    with pytest.raises(Rejected, match="bad_bundle"):
        verify_log(BundleLog(bundle), log_key=lambda _: key)


def test_what_is_no_bundle_is_refused(audit: AuditServices, bundle: Path, key: LogKey, tmp_path: Path) -> None:
    """And an existing file is not written over."""
    (tmp_path / "other.zip").write_bytes(b"PK no")
    with pytest.raises(Rejected):
        BundleLog(tmp_path / "other.zip")
    assert independent(tmp_path / "other.zip").returncode == 1
    with pytest.raises(Conflict), audit.database.reading() as session:
        export_log(session, bundle, log=audit)


def test_a_bundle_of_single_events_shows_nothing_else(audit: AuditServices, write: Write, tmp_path: Path) -> None:
    """A court gets what its case is about; the verifier names a record that was changed."""
    ids = write(9)
    Sequencer(audit).run()
    path = tmp_path / "case.zip"
    with audit.database.reading() as session:
        assert export_events(session, path, [ids[2], ids[7], ids[2]], log=audit) == 2
    with zipfile.ZipFile(path) as bundle:
        names = set(bundle.namelist())
        text = b"".join(bundle.read(name) for name in names).decode()
    proofs = {f"proofs/{ids[2]}.json", f"proofs/{ids[7]}.json"}
    assert names == proofs | {"README.txt", "LEEME.txt", "log-key.txt"}
    assert not any(other in text for other in (ids[0], ids[8]))
    outcome = independent(path, "--key", audit.log_key(audit.origin))
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("good: event") == 2
    rewrite(path, f"proofs/{ids[7]}.json", lambda lines: [line.replace(b"success", b"failure") for line in lines])
    outcome = independent(path, "--key", audit.log_key(audit.origin))
    assert outcome.returncode == 1
    assert ids[7] in outcome.stderr
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as bundle:
        bundle.writestr("log-key.txt", str(audit.log_key(audit.origin)))
    assert independent(tmp_path / "empty.zip").returncode == 1


def test_instructions_are_in_both_languages(bundle: Path) -> None:
    """An expert of a court reads Spanish."""
    with zipfile.ZipFile(bundle) as opened:
        assert "CÓMO COMPROBARLO" in opened.read("LEEME.txt").decode()
        assert "HOW TO CHECK IT" in opened.read("README.txt").decode()
    assert len(VERIFIER.read_text().splitlines()) < 200
