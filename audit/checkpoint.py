"""Checkpoints: the signed statement "my tree of this size has this root" (C2SP tlog-checkpoint, signed-note)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.merkle import HASH_SIZE
from kernel.errors import Fault, Rejected
from keys.signer import Algorithm, Signer

_ED25519 = b"\x01"  # signature type of signed-note
_NOTE_LIMIT = 64 * 1024
DASH = "\N{EM DASH} "


class CheckpointError(Rejected):
    """A checkpoint is malformed, or no signature of the expected key holds."""

    default_code = "checkpoint_invalid"


@dataclass(frozen=True)
class LogKey:
    """The public half of a log's key, under the name that its signatures carry.

    :ivar name: without spaces or ``+``; equal to the log's origin.
    :ivar public_key: 32 octets (RFC 8032).
    """

    name: str
    public_key: bytes

    @classmethod
    def of(cls, name: str, signer: Signer) -> LogKey:
        """Return the key of ``signer``. :raises Fault: (``wrong_log_key``) if it is not Ed25519."""
        public_key = signer.public_key
        if signer.algorithm is not Algorithm.EDDSA or not isinstance(public_key, Ed25519PublicKey):
            raise Fault("The log is signed with Ed25519.", code="wrong_log_key")
        return cls(name, public_key.public_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> LogKey:
        """Read the form ``NAME+KEYID+KEY`` that tools for signed notes pass around. :raises CheckpointError: if bad."""
        try:
            name, key_id, encoded = text.strip().split("+", 2)
            octets = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise CheckpointError("A log key is written NAME+KEYID+KEY.") from error
        if len(octets) != 33 or octets[:1] != _ED25519:
            raise CheckpointError("The log key is not an Ed25519 key.")
        key = cls(name, octets[1:])
        if key.key_id.hex() != key_id:
            raise CheckpointError("The log key does not have the id that it claims.")
        return key

    def __str__(self) -> str:
        encoded = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @property
    def key_id(self) -> bytes:
        """The four octets that stand before each signature."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]


@dataclass(frozen=True)
class Checkpoint:
    """A tree head.

    :ivar origin: names the log: its address without scheme.
    :ivar root: 32 octets.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text, final newline included: what is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the signed note. :raises Fault: if the signer's key is not Ed25519."""
    key = LogKey.of(checkpoint.origin, signer)
    return with_signature(checkpoint, key, signer.sign(checkpoint.text.encode()))


def with_signature(checkpoint: Checkpoint, key: LogKey, signature: bytes) -> str:
    """Return the note of ``checkpoint`` that carries ``signature`` by ``key``."""
    encoded = base64.b64encode(key.key_id + signature).decode()
    return f"{checkpoint.text}\n{DASH}{key.name} {encoded}\n"


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return a note's text and its signature lines: name, and key id with signature. Nothing is verified.

    :raises CheckpointError: if it is malformed.
    """
    if len(note) > _NOTE_LIMIT or any(ord(character) < 0x20 and character != "\n" for character in note):
        raise CheckpointError("The note is too long or has control characters.")
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise CheckpointError("The note has no signatures.")
    return text + "\n", [_signature_line(line) for line in signatures.removesuffix("\n").split("\n")]


def _signature_line(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not name or not encoded:
        raise CheckpointError("A signature line is malformed.")
    try:
        octets = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise CheckpointError("A signature is not base64.") from error
    if len(octets) < 5:
        raise CheckpointError("A signature is too short.")
    return name, octets


def signature_line(name: str, octets: bytes) -> str:
    """Return the line of a signature, its newline included. :param octets: key id and signature."""
    return f"{DASH}{name} {base64.b64encode(octets).decode()}\n"


def verify_note(note: str, *, expected_key: LogKey) -> tuple[str, bytes]:
    """Check a signed note and return its text and the signature of ``expected_key``.

    :raises CheckpointError: if it is malformed or not signed by ``expected_key``. Signatures of others are ignored, as
        signed-note asks, so that a log may be co-signed.
    """
    text, signatures = split_note(note)
    for name, octets in signatures:
        if name != expected_key.name or octets[:4] != expected_key.key_id:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(expected_key.public_key).verify(octets[4:], text.encode())
        except InvalidSignature as error:
            raise CheckpointError("The signature does not hold.") from error
        return text, octets[4:]
    raise CheckpointError("The note is not signed by the expected key.")


def verify_checkpoint(note: str, *, expected_key: LogKey, expected_origin: str | None = None) -> Checkpoint:
    """Check a signed checkpoint and return what it says. The origin expected is the key's name unless given.

    :raises CheckpointError: if it is malformed, of another log, or not signed by ``expected_key``.
    """
    text, _ = verify_note(note, expected_key=expected_key)
    checkpoint = read_checkpoint(text)
    if checkpoint.origin != (expected_origin or expected_key.name):
        raise CheckpointError("The checkpoint is of another log.")
    return checkpoint


def read_checkpoint(text: str) -> Checkpoint:
    """Return what a note's text says, signed or not. :raises CheckpointError: if it is no checkpoint."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):
        raise CheckpointError("A checkpoint has at least three lines, none empty.")
    origin, size, encoded = lines[:3]
    if not is_decimal(size):
        raise CheckpointError("The tree size is not a number.")
    try:
        root = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise CheckpointError("The root is not base64.") from error
    if len(root) != HASH_SIZE:
        raise CheckpointError("The root is not 32 octets.")
    return Checkpoint(origin, int(size), root)


def is_decimal(text: str) -> bool:
    """Tell whether ``text`` is a size as the formats write it: ASCII digits without leading zeros."""
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") and len(text) <= 19
