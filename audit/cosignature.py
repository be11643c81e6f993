"""Cosignatures: a witness's timed word that a checkpoint continues what it saw before (C2SP tlog-cosignature).

There are two kinds: Ed25519, over the checkpoint's text, and ML-DSA-44, which no quantum computer forges, over the
tree's size and root and the witness's name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from audit.checkpoint import CheckpointError, read_checkpoint, signature_line, split_note
from kernel.errors import Fault
from keys.signer import Algorithm, Signer

_TIME_OCTETS = 8
_MOST_SECONDS = 2**63 - 1


@dataclass(frozen=True)
class _Kind:
    """A kind of cosignature. :ivar octet: its type in signed-note; the others count octets."""

    octet: bytes
    key: int
    signature: int


_KINDS = {Algorithm.EDDSA: _Kind(b"\x04", 32, 64), Algorithm.ML_DSA_44: _Kind(b"\x06", 1312, 2420)}


@dataclass(frozen=True)
class WitnessKey:
    """The public key of a witness under its name.

    :ivar public_key: 32 octets (RFC 8032), or 1312 of ML-DSA-44 (FIPS 204).
    """

    name: str
    public_key: bytes
    algorithm: Algorithm = Algorithm.EDDSA

    @classmethod
    def of(cls, name: str, signer: Signer) -> WitnessKey:
        """Return the key of ``signer``. :raises Fault: (``wrong_witness_key``) if witnesses have no such keys."""
        public_key = signer.public_key
        if isinstance(public_key, Ed25519PublicKey | MLDSA44PublicKey) and signer.algorithm in _KINDS:
            return cls(name, public_key.public_bytes_raw(), signer.algorithm)
        raise Fault("Witnesses sign with Ed25519 or ML-DSA-44.", code="wrong_witness_key")

    @classmethod
    def parse(cls, text: str) -> WitnessKey:
        """Read the form ``NAME+KEYID+KEY``. :raises CheckpointError: if it is not that of a witness."""
        try:
            name, key_id, encoded = text.strip().split("+", 2)
            octets = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise CheckpointError("A witness's key is written NAME+KEYID+KEY.") from error
        kinds = [
            algorithm for algorithm, kind in _KINDS.items() if octets[:1] == kind.octet and len(octets) == 1 + kind.key
        ]
        if not name or not kinds:
            raise CheckpointError("The key is not one of a witness.")
        key = cls(name, octets[1:], kinds[0])
        if key.key_id.hex() != key_id:
            raise CheckpointError("The witness's key does not have the id that it claims.")
        return key

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self.kind.octet + self.public_key).decode()}"

    @property
    def kind(self) -> _Kind:
        """What signed-note and tlog-cosignature say of its algorithm."""
        return _KINDS[self.algorithm]

    @property
    def key_id(self) -> bytes:
        """The four octets that stand before each cosignature."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.kind.octet + self.public_key).digest()[:4]


@dataclass(frozen=True)
class Cosignature:
    """A cosignature that holds. ``line``: as it stands in a note, newline included."""

    witness: str
    signed_at: datetime
    line: str


def cosign(text: str, *, key: WitnessKey, signer: Signer, now: datetime) -> str:
    """Return the line of a cosignature over a checkpoint's whole text."""
    seconds = int(now.timestamp())
    signature = signer.sign(_message(text, key, seconds))
    return signature_line(key.name, key.key_id + seconds.to_bytes(_TIME_OCTETS, "big") + signature)


def read_cosignatures(note: str, *, witnesses: Iterable[WitnessKey]) -> list[Cosignature]:
    """Return the cosignatures of ``witnesses`` on ``note``, one each; others' are ignored.

    :raises CheckpointError: if the note is malformed, or one of a known witness does not hold.
    """
    text, lines = split_note(note)
    known = {(witness.name, witness.key_id): witness for witness in witnesses}
    found: dict[str, Cosignature] = {}
    for name, octets in lines:
        witness = known.get((name, octets[:4]))
        if witness is None:
            continue
        if len(octets) != 4 + _TIME_OCTETS + witness.kind.signature:
            raise CheckpointError(f"A cosignature of {name} has another length than its kind.")
        seconds = int.from_bytes(octets[4 : 4 + _TIME_OCTETS], "big")
        try:
            _public_key(witness).verify(octets[4 + _TIME_OCTETS :], _message(text, witness, seconds))
            moment = datetime.fromtimestamp(seconds, UTC)
        except (InvalidSignature, ValueError, OverflowError, OSError) as error:
            raise CheckpointError(f"The cosignature of {name} does not hold.") from error
        found[name] = Cosignature(name, moment, signature_line(name, octets))
    return list(found.values())


def _public_key(witness: WitnessKey) -> Ed25519PublicKey | MLDSA44PublicKey:
    if witness.algorithm is Algorithm.EDDSA:
        return Ed25519PublicKey.from_public_bytes(witness.public_key)
    return MLDSA44PublicKey.from_public_bytes(witness.public_key)


def _message(text: str, key: WitnessKey, seconds: int) -> bytes:
    """Return what is signed. :raises ValueError: if the time or a name cannot be written."""
    if key.algorithm is Algorithm.EDDSA:
        return f"cosignature/v1\ntime {seconds}\n{text}".encode()
    if seconds > _MOST_SECONDS:
        raise ValueError("a time beyond any")
    checkpoint = read_checkpoint(text)
    return b"".join(
        (
            b"subtree/v1\n\0",
            _counted(key.name),
            seconds.to_bytes(8, "big"),
            _counted(checkpoint.origin),
            bytes(8),  # the first leaf: a checkpoint is about the whole tree
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _counted(name: str) -> bytes:
    octets = name.encode()
    if not 0 < len(octets) < 256:
        raise ValueError("a name of 1 to 255 octets")
    return bytes((len(octets),)) + octets
