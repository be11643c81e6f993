"""What a backup says of itself: what is in it, of which state of the service, signed by the audit log's key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.checkpoint import CheckpointError, LogKey
from kernel.errors import Rejected
from keys.signer import Signer

FORM = 1
NAME, SIGNATURE_NAME = "MANIFEST.json", "MANIFEST.signature"
# The log's key signs checkpoints too: what begins like this is none.
_PURPOSE = b"SAU backup manifest\n\n"


class BackupError(Rejected):
    """The file is no backup of ours, was changed, or does not fit this place."""

    default_code = "backup_damaged"


@dataclass(frozen=True)
class LogHead:
    """How far a log had come.

    :ivar log: ``audit`` or ``certificates``. :ivar root: base64.
    """

    log: str
    origin: str
    size: int
    root: str


@dataclass(frozen=True)
class Part:
    """A file of the backup: its name in the archive, its length and hash."""

    name: str
    octets: int
    sha256: str

    @classmethod
    def of(cls, name: str, path: Path) -> Part:
        """Measure the file at ``path``."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            return cls(name, file.tell(), digest.hexdigest())


@dataclass(frozen=True)
class Manifest:
    """The manifest.

    :ivar made_at: ISO 8601, UTC. :ivar schema: revision of the database. :ivar backend: ``sqlite`` or ``postgresql``.
    :ivar log_key: public key of the audit log, ``NAME+ID+KEY``: the manifest is signed by it.
    :ivar passphrase: whether the key store's passphrase is in the backup.
    :ivar keystore: ``file`` or ``pkcs11``; what is in a token is not in the backup.
    """

    made_at: str
    issuer: str
    schema: str
    backend: str
    log_key: str
    passphrase: bool
    keystore: str
    logs: Sequence[LogHead]
    parts: Sequence[Part]

    def head(self, log: str) -> LogHead | None:
        """Return the head of that log, None if it had not begun."""
        return next((head for head in self.logs if head.log == log), None)

    def encode(self) -> bytes:
        """Return the manifest as it is signed."""
        return json.dumps({"form": FORM, **asdict(self)}, indent=1, sort_keys=True).encode() + b"\n"

    def sign(self, signer: Signer) -> bytes:
        """Return the signature, as it stands in the archive."""
        return base64.b64encode(signer.sign(_PURPOSE + self.encode())) + b"\n"


def read_manifest(octets: bytes, signature: bytes) -> Manifest:
    """Return a manifest whose signature holds under the key that it names itself; whose key that is, the caller knows.

    :raises BackupError: if it is none, of a newer form, or not signed.
    """
    try:
        document: dict[str, Any] = json.loads(octets)
        form = document.pop("form")
        if form != FORM:
            raise BackupError(f"The backup is of form {form}; this release reads {FORM}.", code="backup_form")
        logs = [LogHead(**head) for head in document.pop("logs")]
        parts = [Part(**part) for part in document.pop("parts")]
        manifest = Manifest(**document, logs=logs, parts=parts)
        key = LogKey.parse(manifest.log_key)
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(base64.b64decode(signature), _PURPOSE + octets)
    except (ValueError, TypeError, KeyError, AttributeError, InvalidSignature, CheckpointError) as error:
        raise BackupError("The backup's manifest is not one that a log's key signed.") from error
    return manifest
