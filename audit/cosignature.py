"""Cosignatures: a witness's timed word that a checkpoint continues what it saw before (C2SP tlog-cosignature)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.checkpoint import CheckpointError, LogKey, signature_line, split_note
from keys.signer import Signer

_TYPE = b"\x04"  # signature type of signed-note: timestamped Ed25519 cosignatures
_TIME_OCTETS = 8
_SIGNATURE_OCTETS = 64


@dataclass(frozen=True)
class WitnessKey:
    """The public key of a witness under its name.

    :ivar public_key: 32 octets (RFC 8032).
    """

    name: str
    public_key: bytes

    @classmethod
    def of(cls, name: str, signer: Signer) -> WitnessKey:
        """Return the key of ``signer``. :raises Fault: (``wrong_log_key``) if it is not Ed25519."""
        return cls(name, LogKey.of(name, signer).public_key)

    @classmethod
    def parse(cls, text: str) -> WitnessKey:
        """Read the form ``NAME+KEYID+KEY``. :raises CheckpointError: if it is not that of a witness."""
        try:
            name, key_id, encoded = text.strip().split("+", 2)
            octets = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise CheckpointError("A witness's key is written NAME+KEYID+KEY.") from error
        if not name or len(octets) != 33 or octets[:1] != _TYPE:
            raise CheckpointError("The key is not one of a witness.")
        key = cls(name, octets[1:])
        if key.key_id.hex() != key_id:
            raise CheckpointError("The witness's key does not have the id that it claims.")
        return key

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_TYPE + self.public_key).decode()}"

    @property
    def key_id(self) -> bytes:
        """The four octets that stand before each cosignature."""
        return hashlib.sha256(self.name.encode() + b"\n" + _TYPE + self.public_key).digest()[:4]


@dataclass(frozen=True)
class Cosignature:
    """A cosignature that holds. ``line``: as it stands in a note, newline included."""

    witness: str
    signed_at: datetime
    line: str


def cosign(text: str, *, key: WitnessKey, signer: Signer, now: datetime) -> str:
    """Return the line of a cosignature over a checkpoint's whole text."""
    seconds = int(now.timestamp())
    signature = signer.sign(_message(text, seconds))
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
        if len(octets) != 4 + _TIME_OCTETS + _SIGNATURE_OCTETS:
            raise CheckpointError("A cosignature does not have 72 octets.")
        seconds = int.from_bytes(octets[4 : 4 + _TIME_OCTETS], "big")
        try:
            public_key = Ed25519PublicKey.from_public_bytes(witness.public_key)
            public_key.verify(octets[4 + _TIME_OCTETS :], _message(text, seconds))
            moment = datetime.fromtimestamp(seconds, UTC)
        except (InvalidSignature, ValueError, OverflowError, OSError) as error:
            raise CheckpointError(f"The cosignature of {name} does not hold.") from error
        found[name] = Cosignature(name, moment, signature_line(name, octets))
    return list(found.values())


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
