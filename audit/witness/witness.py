"""What a witness co-signs, and what it refuses (C2SP tlog-witness, "add-checkpoint")."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from audit.checkpoint import Checkpoint, CheckpointError, LogKey, read_checkpoint, split_note, verify_note
from audit.cosignature import WitnessKey, cosign
from audit.merkle import EMPTY_ROOT, ProofError, verify_consistency
from audit.witness.request import AddCheckpoint
from audit.witness.state import Seen, WitnessState
from kernel.errors import Rejected
from keys.file_store import FileKeyStore, read_passphrase, require_private
from keys.signer import Algorithm, Signer

KEY_NAME = "witness"
_MOST_KEPT = 1000  # refused checkpoints, each of which may prove what a log did


class Verdict(StrEnum):
    """What became of a request."""

    COSIGNED = "cosigned"
    MALFORMED = "malformed"
    UNKNOWN_LOG = "unknown_log"
    UNSIGNED = "unsigned"
    OTHER_SIZE = "other_size"  # the log does not begin where this witness saw it last
    FORKED = "forked"  # another tree of the size that was co-signed
    INCONSISTENT = "inconsistent"  # the proof does not lead from what was co-signed


@dataclass(frozen=True)
class Decision:
    """The answer. :ivar size: of the checkpoint co-signed last. :ivar line: the cosignature, if there is one."""

    verdict: Verdict
    size: int = 0
    line: str = ""


class Witness:
    """A witness in a folder of its own: key, logs that it knows, memory.

    :param signer: the witness's key, Ed25519 or ML-DSA-44.
    """

    def __init__(self, folder: Path, key: WitnessKey, signer: Signer) -> None:
        self.folder = folder
        self.key = key
        self._signer = signer
        self.state = WitnessState(folder)

    @classmethod
    def create(cls, folder: Path, name: str, algorithm: Algorithm = Algorithm.EDDSA) -> Witness:
        """Make a witness. :raises Rejected: (``bad_name``). :raises Conflict: if there is one in the folder.

        :param algorithm: of its key: EdDSA, or ML-DSA-44.
        """
        if not name or len(name) > 200 or any(each.isspace() or each == "+" for each in name):
            raise Rejected("A witness's name has no spaces and no plus sign.", code="bad_name")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_private(folder)
        passphrase = read_passphrase(folder / "passphrase", create=True)
        FileKeyStore(folder / "keys", passphrase).create(KEY_NAME, algorithm)
        (folder / "name.txt").write_text(f"{name}\n", "utf-8")
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Witness:
        """Return the witness of a folder. :raises Rejected: (``no_witness``) if there is none."""
        if not (folder / "name.txt").is_file():
            raise Rejected(f"There is no witness in {folder}: run 'sau witness init'.", code="no_witness")
        require_private(folder)
        name = (folder / "name.txt").read_text("utf-8").strip()
        signer = FileKeyStore(folder / "keys", read_passphrase(folder / "passphrase")).open(KEY_NAME)
        return cls(folder, WitnessKey.of(name, signer), signer)

    def logs(self) -> list[LogKey]:
        """Return the keys of the logs that it witnesses."""
        path = self.folder / "logs.txt"
        return [LogKey.parse(line) for line in path.read_text("utf-8").splitlines() if line] if path.is_file() else []

    def add_log(self, key: LogKey) -> None:
        """Witness one more log. Adding a known one again changes nothing."""
        if key not in self.logs():
            with (self.folder / "logs.txt").open("a", encoding="utf-8") as file:
                file.write(f"{key}\n")

    def add_checkpoint(self, body: bytes, *, now: datetime) -> Decision:
        """Judge a request and co-sign the checkpoint if its log only grew; remembered before this returns."""
        try:
            asked = AddCheckpoint.parse(body)
            text, _ = split_note(asked.note)
            checkpoint = read_checkpoint(text)
        except Rejected:  # CheckpointError is one
            return Decision(Verdict.MALFORMED)
        keys = [key for key in self.logs() if key.name == checkpoint.origin]
        if not keys:
            return Decision(Verdict.UNKNOWN_LOG)
        if not _is_signed(asked.note, keys):
            return Decision(Verdict.UNSIGNED)
        if asked.old_size > checkpoint.size:
            return Decision(Verdict.MALFORMED)
        with self.state.changing() as state:
            seen = state.get(checkpoint.origin)
            refused = _refusal(asked, checkpoint, seen)
            if refused is not None:
                self._keep(asked.note, refused)
                return refused
            line = cosign(text, key=self.key, signer=self._signer, now=now)
            root = base64.b64encode(checkpoint.root).decode()
            state[checkpoint.origin] = Seen(checkpoint.size, root, asked.note + line)
        return Decision(Verdict.COSIGNED, checkpoint.size, line)

    def _keep(self, note: str, refused: Decision) -> None:
        """Keep a signed checkpoint that contradicts an older one: the log's own signature accuses it."""
        if refused.verdict is Verdict.OTHER_SIZE:
            return
        folder = self.folder / "refused"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{hashlib.sha256(note.encode()).hexdigest()[:32]}.txt"
        if not path.exists() and len(list(folder.iterdir())) < _MOST_KEPT:
            path.write_text(note, "utf-8")


def _refusal(asked: AddCheckpoint, checkpoint: Checkpoint, seen: Seen | None) -> Decision | None:
    size, root = (seen.size, seen.root_octets) if seen else (0, EMPTY_ROOT)
    if asked.old_size != size:
        return Decision(Verdict.OTHER_SIZE, size)
    if checkpoint.size == size and seen and checkpoint.root != root:
        return Decision(Verdict.FORKED, size)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        return Decision(Verdict.INCONSISTENT, size)
    try:
        verify_consistency(
            old_size=size, old_root=root, new_size=checkpoint.size, new_root=checkpoint.root, proof=asked.proof
        )
    except ProofError:
        return Decision(Verdict.INCONSISTENT, size)
    return None


def _is_signed(note: str, keys: Sequence[LogKey]) -> bool:
    for key in keys:
        try:
            verify_note(note, expected_key=key)
        except CheckpointError:
            continue
        return True
    return False
