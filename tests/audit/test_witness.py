"""A witness co-signs a log that only grows, and refuses forks and roll-backs (C2SP tlog-witness, tlog-cosignature)."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from sqlalchemy import delete, func, select, update
from werkzeug.test import Client, TestResponse

from audit.checkpoint import Checkpoint, CheckpointError, LogKey, sign_checkpoint, signature_line, verify_checkpoint
from audit.cosignature import WitnessKey, read_cosignatures
from audit.cosigned import published_checkpoint, thin_cosignatures, witness_status
from audit.cosigning import ask_witnesses
from audit.export import export_log
from audit.findings import FindingKind, LogTamperedError
from audit.inspection import verify_stored_log
from audit.merkle import consistency_proof, hash_leaf, subtree_of, tree_root
from audit.model import AuditCheckpoint, AuditEvent, AuditWitness, Cosigned
from audit.proofs import prove_event, verify_event_proof
from audit.sequencer import Sequencer
from audit.services import AuditServices
from audit.witness.commands import witness_group
from audit.witness.request import add_checkpoint_body
from audit.witness.server import witness_app
from audit.witness.witness import Witness
from kernel.clock import ManualClock, SystemClock
from kernel.errors import Conflict, Fault, Rejected, Unavailable
from keys.signer import Algorithm, PrivateKeySigner, generate_private_key
from outgoing.client import OutgoingClient
from outgoing.errors import OutgoingError
from tests.audit.conftest import Write
from tests.servers.process import free_port

VERIFIER = Path(__file__).parents[2] / "examples" / "verify_log.py"
ORIGIN = "log.test/audit/log"
LEAVES = [hash_leaf(bytes([number])) for number in range(40)]
SIGNER = PrivateKeySigner("log", generate_private_key(Algorithm.EDDSA), Algorithm.EDDSA)
KEY = LogKey.of(ORIGIN, SIGNER)


def note_of(size: int, leaves: list[bytes] = LEAVES, *, signer: PrivateKeySigner = SIGNER) -> str:
    return sign_checkpoint(Checkpoint(ORIGIN, size, tree_root(leaves[:size])), signer)


def body_of(old: int, new: int, leaves: list[bytes] = LEAVES, *, signer: PrivateKeySigner = SIGNER) -> bytes:
    proof = consistency_proof(old, new, subtree_of(leaves[:new])) if old <= new else []
    return add_checkpoint_body(old, proof, note_of(new, leaves, signer=signer))


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """A witness of the log above."""
    made = Witness.create(tmp_path / "witness", "witness.test/w1")
    made.add_log(KEY)
    return made


@pytest.fixture
def post(witness: Witness, clock: ManualClock) -> Callable[[bytes], TestResponse]:
    """Submit a body over HTTP."""
    client = Client(witness_app(witness, clock))
    return lambda body: client.post("/add-checkpoint", data=body)


def test_a_cosignature_is_over_time_and_the_whole_checkpoint(
    witness: Witness, post: Callable[[bytes], TestResponse], clock: ManualClock
) -> None:
    """tlog-cosignature, "Format" and "Signed message": taken apart here without a line of our own code."""
    answer = post(body_of(0, 7))
    assert answer.status_code == 200
    dash, name, encoded = answer.text.removesuffix("\n").split(" ")
    octets = base64.b64decode(encoded)
    (moment,) = struct.unpack(">Q", octets[4:12])
    vkey_name, vkey_id, vkey = str(witness.key).split("+", 2)
    public = base64.b64decode(vkey)
    assert (dash, name, moment) == ("\u2014", "witness.test/w1", int(clock.now().timestamp()))
    assert public[0] == 4
    assert hashlib.sha256(f"{vkey_name}\n".encode() + public).digest()[:4] == octets[:4] == bytes.fromhex(vkey_id)
    body = note_of(7).rpartition("\n\n")[0] + "\n"
    message = f"cosignature/v1\ntime {moment}\n{body}".encode()
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(octets[12:], message)
    assert verify_checkpoint(note_of(7) + answer.text, expected_key=KEY).size == 7


def test_a_cosignature_that_no_quantum_computer_forges_is_over_names_time_and_tree(
    tmp_path: Path, clock: ManualClock
) -> None:
    """tlog-cosignature, "ML-DSA-44 signed message": taken apart here without a line of our own code."""
    witness = Witness.create(tmp_path / "w", "witness.test/pq", Algorithm.ML_DSA_44)
    witness.add_log(KEY)
    decision = witness.add_checkpoint(body_of(0, 7), now=clock.now())
    octets = base64.b64decode(decision.line.split(" ")[2])
    vkey_name, vkey_id, vkey = str(witness.key).split("+", 2)
    public = base64.b64decode(vkey)
    assert (public[0], len(public), len(octets)) == (6, 1 + 1312, 4 + 8 + 2420)
    assert hashlib.sha256(f"{vkey_name}\n".encode() + public).digest()[:4] == octets[:4] == bytes.fromhex(vkey_id)
    origin, size, root = note_of(7).split("\n")[:3]
    names = struct.pack(f">B{len(vkey_name)}s8sB{len(origin)}s", len(vkey_name), vkey_name.encode(), octets[4:12],
                        len(origin), origin.encode())  # fmt: skip
    message = b"subtree/v1\n\0" + names + struct.pack(">QQ", 0, int(size)) + base64.b64decode(root)
    MLDSA44PublicKey.from_public_bytes(public[1:]).verify(octets[12:], message)
    assert [each.witness for each in read_cosignatures(note_of(7) + decision.line, witnesses=[witness.key])] == [
        "witness.test/pq"
    ]
    renamed = replace(witness.key, name="another.test")
    forged = signature_line("another.test", renamed.key_id + octets[4:])
    with pytest.raises(CheckpointError):
        read_cosignatures(note_of(7) + forged, witnesses=[renamed])


def test_a_log_that_grows_is_cosigned_step_by_step(post: Callable[[bytes], TestResponse]) -> None:
    """Growing by one, by many, and the same checkpoint again."""
    for old, new in ((0, 1), (1, 2), (2, 13), (13, 13), (13, 40)):
        assert post(body_of(old, new)).status_code == 200


def test_every_refusal_has_the_status_of_the_specification(
    witness: Witness, post: Callable[[bytes], TestResponse]
) -> None:
    """tlog-witness, "add-checkpoint": 400, 403, 404, 409 with the size, 422."""
    thief = PrivateKeySigner("x", generate_private_key(Algorithm.EDDSA), Algorithm.EDDSA)
    assert post(body_of(0, 7, signer=thief)).status_code == 403
    other = sign_checkpoint(Checkpoint("other.test/log", 1, LEAVES[0]), SIGNER)
    assert post(add_checkpoint_body(0, [], other)).status_code == 404
    assert post(body_of(9, 7)).status_code == 400
    assert post(body_of(3, 7)).status_code == 409  # it never saw any
    assert post(body_of(0, 7)).status_code == 200
    answer = post(body_of(3, 9))
    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (409, "7\n", "text/x.tlog.size")
    assert post(add_checkpoint_body(7, [LEAVES[0]], note_of(9))).status_code == 422
    assert post(add_checkpoint_body(7, [], note_of(9))).status_code == 422
    good = body_of(7, 9)
    for malformed in (
        b"\n",
        b"\xff" + good,
        good.replace(b"old 7", b"old 07"),
        good.replace(b"old 7", b"old -7"),
        good.replace(b"old ", b"new "),
        good.replace(b"\n\n", b"\nAAAA\n\n", 1),
        good.replace(b"\n\n", b"\n%\n\n", 1),
        good[:-1],
        good.partition(b"\n\n")[0] + b"\n\n",
        b"old 7\n" + b"A" * 44 * 70,
    ):
        assert post(malformed).status_code == 400, malformed
    client = Client(witness_app(witness, SystemClock()))
    assert client.post("/add-checkpoint", data=b"x" * 70_000).status_code == 413
    assert client.get("/add-checkpoint").status_code == 405
    assert post(good).status_code == 200


def test_a_fork_signed_with_the_stolen_key_of_the_log_is_refused_and_kept(
    witness: Witness, post: Callable[[bytes], TestResponse]
) -> None:
    """Attacks and faults, "Evidence": who has the log's key still cannot show the witness another history."""
    assert post(body_of(0, 20)).status_code == 200
    forged = [*LEAVES[:5], hash_leaf(b"never happened"), *LEAVES[6:]]
    assert post(body_of(20, 20, forged)).status_code == 409
    assert post(body_of(20, 25, forged)).status_code == 422
    assert post(body_of(0, 25, forged)).status_code == 409
    assert post(body_of(10, 10)).status_code == 409  # a roll-back to an older state that was true
    assert witness.state.read()[ORIGIN].size == 20
    kept = {path.read_text() for path in (witness.folder / "refused").iterdir()}
    assert kept == {note_of(20, forged), note_of(25, forged)}


def test_memory_outlives_the_process_and_damage_to_it_is_no_new_beginning(witness: Witness, clock: ManualClock) -> None:
    """A witness that forgot would co-sign a fork."""
    witness.add_checkpoint(body_of(0, 20), now=clock.now())
    again = Witness.open(witness.folder)
    assert again.add_checkpoint(body_of(0, 5), now=clock.now()).size == 20
    shown = Client(witness_app(again, clock))
    path = f"/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    assert read_cosignatures(shown.get(path).text, witnesses=[witness.key])
    assert shown.get("/").text == f"{witness.key}\n"
    (witness.folder / "state.json").write_text("{")
    with pytest.raises(Fault):
        again.add_checkpoint(body_of(0, 5), now=clock.now())


def test_of_many_at_once_the_memory_never_goes_back(witness: Witness, clock: ManualClock) -> None:
    """tlog-witness: checking and persisting are one step."""
    witness.add_checkpoint(body_of(0, 1), now=clock.now())
    sizes = []

    def submit(new: int) -> None:
        decision = Witness(witness.folder, witness.key, witness._signer).add_checkpoint(
            body_of(1, new), now=clock.now()
        )
        if decision.line:
            sizes.append(new)

    threads = [threading.Thread(target=submit, args=(new,)) for new in range(2, 14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [witness.state.read()[ORIGIN].size]


def test_the_program_makes_shows_and_refuses(tmp_path: Path) -> None:
    """`sau witness init`, `add-log`, `status`, through the command line."""
    group, folder = witness_group(), ["--folder", str(tmp_path / "w")]

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(group, [*arguments, *folder])

    assert isinstance(run("status").exception, Rejected)
    assert isinstance(run("init", "--name", "two words").exception, Rejected)
    made = run("init", "--name", "w.test")
    key = WitnessKey.parse(made.output.split()[-1])
    assert isinstance(run("init", "--name", "w.test").exception, Conflict)
    assert run("add-log", str(KEY)).exit_code == 0
    assert isinstance(run("add-log", str(key)).exception, Rejected)
    assert ORIGIN in run("status").output
    assert (tmp_path / "w").stat().st_mode & 0o077 == 0
    assert isinstance(run("serve", "--bind", "nowhere").exception, Rejected)


@pytest.mark.server
def test_the_program_answers_the_guarded_client(tmp_path: Path) -> None:
    """`sau witness serve` as a process, asked as the worker asks."""
    folder, port = tmp_path / "w", free_port()
    witness = Witness.create(folder, "w.test")
    witness.add_log(KEY)
    command = [sys.executable, "-m", "sau", "witness", "serve", "--bind", f"127.0.0.1:{port}", "--folder", str(folder)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    try:
        client = OutgoingClient(networks=[ipaddress.ip_network("127.0.0.0/8")])
        for _ in range(600):
            try:
                answer = client.send(
                    f"http://127.0.0.1:{port}/add-checkpoint", body=body_of(0, 7), media_type="text/plain"
                )
                break
            except OutgoingError:
                time.sleep(0.1)
        assert answer.status == 200
        assert read_cosignatures(note_of(7) + answer.body.decode(), witnesses=[witness.key])
    finally:
        process.terminate()
        process.wait(timeout=60)
    assert witness.state.read()[ORIGIN].size == 7


# The log's side


@dataclass
class Answer:
    status: int
    body: bytes


@dataclass
class Network:
    """Reaches witnesses by their address."""

    apps: Mapping[str, Client]

    def send(self, url: str, *, body: bytes, media_type: str, headers: Any = None, seconds: float = 5.0) -> Answer:
        base = url.removesuffix("/add-checkpoint")
        if base not in self.apps:
            raise Unavailable("Nothing answers.", code="outgoing_unreachable")
        response = self.apps[base].post("/add-checkpoint", data=body)
        return Answer(response.status_code, response.data)


@pytest.fixture
def witnessed(audit: AuditServices, tmp_path: Path) -> tuple[AuditServices, list[Witness]]:
    """The service's log, with three witnesses; the third is away."""
    witnesses = []
    for number in range(3):
        algorithm = Algorithm.ML_DSA_44 if number == 1 else Algorithm.EDDSA
        witness = Witness.create(tmp_path / f"w{number}", f"w{number}.test", algorithm)
        witness.add_log(audit.log_key(audit.origin))
        witnesses.append(witness)
    entries = tuple(f"{witness.key} https://w{number}.test/" for number, witness in enumerate(witnesses))
    apps = {f"https://w{number}.test": Client(witness_app(witnesses[number], audit.clock)) for number in range(2)}
    settings = audit.settings.model_copy(update={"audit_witnesses": entries})
    return replace(audit, settings=settings, outgoing=Network(apps)), witnesses


def sequence(log: AuditServices) -> None:
    sequencer = Sequencer(log)
    sequencer.run()
    sequencer.release()


def ask(log: AuditServices) -> int:
    return ask_witnesses(log, outgoing=log.outgoing, journal=log.journal, now=log.clock.now())


def kinds(log: AuditServices, clock: ManualClock) -> set[FindingKind]:
    try:
        verify_stored_log(log)
    except LogTamperedError as error:
        return {finding.kind for finding in error.report.findings}
    return set()


def test_checkpoints_are_cosigned_published_and_proved(
    witnessed: tuple[AuditServices, list[Witness]], write: Write
) -> None:
    """Two of three answer: a quorum. The third's absence is on record once, and hinders nothing."""
    log, witnesses = witnessed
    (event, *_) = write(5)
    sequence(log)
    assert ask(log) == 2
    assert ask(log) == 0
    sequence(log)  # the record of the absence
    assert ask(log) == 2
    sequence(log)
    assert ask(log) == 0
    keys = [witness.key for witness in witnesses]
    with log.database.reading() as session:
        published = published_checkpoint(session, origin=log.origin)
        proof = prove_event(session, event, log_key=log.log_key(log.origin)).as_document()
        statuses = witness_status(session, origin=log.origin, witnesses=[key.name for key in keys])
        absences = session.scalar(
            select(func.count()).select_from(AuditEvent).where(AuditEvent.type == "audit:witness:missing")
        )
    assert [each.witness for each in read_cosignatures(published.note, witnesses=keys)] == ["w0.test", "w1.test"]
    assert len(read_cosignatures(str(proof["checkpoint"]), witnesses=keys)) == 2
    verify_event_proof(proof, expected_key=log.log_key(log.origin))
    assert [(each.size, each.problem) for each in statuses] == [(6, None), (6, None), (0, "outgoing_unreachable")]
    assert absences == 1
    report = verify_stored_log(log)
    assert (report.cosignatures, report.witnessed) == (4, 6)


def test_a_head_that_witnesses_know_is_shown_before_a_newer_one_for_a_minute(
    witnessed: tuple[AuditServices, list[Witness]], write: Write, clock: ManualClock
) -> None:
    """Else a busy log would never show a cosignature, and one whose witnesses are away would stand still."""
    log, _ = witnessed
    write(3)
    sequence(log)
    ask(log)
    write(1)
    sequence(log)
    with log.database.reading() as session:
        assert published_checkpoint(session, origin=log.origin).size == 3
    clock.advance(timedelta(minutes=2))
    write(1)
    sequence(log)
    with log.database.reading() as session:
        assert published_checkpoint(session, origin=log.origin).size == 6


def test_old_cosignatures_are_thinned_and_the_log_stays_witnessed(
    witnessed: tuple[AuditServices, list[Witness]], write: Write, clock: ManualClock
) -> None:
    """One an hour of each witness is left of what is older than a day; what it covers is proved by the later one."""
    log, _ = witnessed
    for _hour in range(2):
        for _ in range(3):
            write(1)
            sequence(log)
            ask(log)
            clock.advance(timedelta(minutes=10))
        clock.advance(timedelta(minutes=30))
    with log.database.transaction() as session:
        assert thin_cosignatures(session, now=clock.now()) == 0
    clock.advance(timedelta(days=1, hours=1))
    with log.database.transaction() as session:
        assert thin_cosignatures(session, now=clock.now()) == 8
        assert thin_cosignatures(session, now=clock.now()) == 0
        left = session.scalars(select(Cosigned.signer).order_by(Cosigned.size, Cosigned.signer)).all()
    assert left == ["w0.test", "w1.test"] * 2
    report = verify_stored_log(log)
    assert (report.cosignatures, report.witnessed) == (4, report.size)


def test_a_restored_older_state_is_accused_by_the_witness(
    witnessed: tuple[AuditServices, list[Witness]], write: Write, clock: ManualClock
) -> None:
    """Roll-back: the witness knows a larger tree. It is on record, and verification says so."""
    log, witnesses = witnessed
    write(3)
    sequence(log)
    for witness in witnesses[:2]:  # they saw more than the state that was restored
        forged = [hash_leaf(bytes([number])) for number in range(9)]
        note = sign_checkpoint(Checkpoint(log.origin, 9, tree_root(forged)), log.log_signer)
        witness.add_checkpoint(add_checkpoint_body(0, [], note), now=clock.now())
    assert ask(log) == 0
    assert kinds(log, clock) == {FindingKind.WITNESS_ACCUSES}
    with log.database.reading() as session:
        accused = session.scalars(select(AuditEvent.reason).where(AuditEvent.type == "audit:witness:accused")).all()
    assert accused == ["witness_is_ahead"] * 2
    write(20)
    sequence(log)
    assert ask(log) == 0
    with log.database.reading() as session:
        assert set(session.scalars(select(AuditWitness.problem))) == {
            "witness_saw_another_tree",
            "outgoing_unreachable",
        }


def test_verification_finds_a_head_signed_anew_under_old_cosignatures(
    witnessed: tuple[AuditServices, list[Witness]], write: Write, clock: ManualClock
) -> None:
    """Who holds database, anchors and the log's key rewrites all but what the witnesses signed."""
    log, _ = witnessed
    write(3)
    sequence(log)
    ask(log)
    other = Checkpoint(log.origin, 3, tree_root(LEAVES[:3]))
    with log.database.transaction() as session:
        note = sign_checkpoint(other, log.log_signer)
        session.execute(update(AuditCheckpoint).values(note=note, root=other.root))
    assert FindingKind.COSIGNATURE_FORGED in kinds(log, clock)


def test_verification_demands_the_quorum_and_continues_what_others_kept(
    witnessed: tuple[AuditServices, list[Witness]], write: Write, clock: ManualClock
) -> None:
    """Deleted cosignatures are missed after an hour; a checkpoint fetched from a witness is held against the log."""
    log, witnesses = witnessed
    write(3)
    sequence(log)
    ask(log)
    assert kinds(log, clock) == set()
    kept = witnesses[0].state.read()[log.origin].note
    verify_stored_log(log, elsewhere=[("w0", kept)])
    with pytest.raises(LogTamperedError, match="w0"):
        verify_stored_log(log, elsewhere=[("w0", kept.replace("\n3\n", "\n4\n"))])
    with log.database.transaction() as session:
        session.execute(delete(Cosigned).where(Cosigned.signer == "w0.test"))
    assert kinds(log, clock) == set()
    clock.advance(timedelta(hours=2))
    assert kinds(log, clock) == {FindingKind.NOT_WITNESSED}


def test_the_independent_verifier_demands_the_witnesses(
    witnessed: tuple[AuditServices, list[Witness]], write: Write, tmp_path: Path
) -> None:
    """In a bundle and in a single proof; a cosignature that does not hold is named."""
    log, witnesses = witnessed
    (event, *_) = write(5)
    sequence(log)
    ask(log)
    path, proof_path = tmp_path / "log.zip", tmp_path / "proof.json"
    with log.database.reading() as session:
        export_log(session, path, log=log)
        proof = prove_event(session, event, log_key=log.log_key(log.origin)).as_document()
    proof_path.write_text(json.dumps(proof))
    base = ["--key", str(log.log_key(log.origin))]
    for witness in witnesses:
        base += ["--witness", str(witness.key)]

    def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(VERIFIER), *base, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    for subject in ([str(path)], ["--proof", str(proof_path)]):
        assert verify(*subject, "--quorum", "2").returncode == 0
        refused = verify(*subject, "--quorum", "3")
        assert refused.returncode == 1
        assert "witnesses" in refused.stderr or "co-signed" in refused.stderr
    note = str(proof["checkpoint"])
    proof_path.write_text(json.dumps({**proof, "checkpoint": note[:-8] + "AAAA" + note[-4:]}))
    assert "does not hold" in verify("--proof", str(proof_path)).stderr
    with zipfile.ZipFile(path) as bundle:
        assert bundle.read("witnesses.txt").decode().splitlines() == [str(witness.key) for witness in witnesses]
