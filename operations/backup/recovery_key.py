"""Recovery keys: backups are sealed to public keys, so that no machine that makes one can open any.

The format is age's (https://age-encryption.org/v1), so ``age`` itself opens a backup: the file that
:func:`make_recovery_key` writes is what its option ``--identity`` takes, a secret key under a passphrase.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pyrage

from kernel.errors import NotFound, Rejected, Unavailable
from kernel.secret_text import SecretText
from keys.file_store import write_private

LEAST_PASSPHRASE = 12
_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"


def make_recovery_key(path: Path, passphrase: SecretText) -> str:
    """Write a new recovery key to ``path``, under ``passphrase``, and return its public half (``age1…``).

    :raises Rejected: (``passphrase_short``). :raises Conflict: if the file exists.
    """
    if len(passphrase.reveal()) < LEAST_PASSPHRASE:
        raise Rejected(f"A recovery passphrase has at least {LEAST_PASSPHRASE} characters.", code="passphrase_short")
    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    text = f"# public key: {public}\n{identity}\n"
    write_private(path, pyrage.passphrase.encrypt(text.encode(), passphrase.reveal(), armored=True))
    return public


def parse_recipients(texts: Sequence[str]) -> list[pyrage.x25519.Recipient]:
    """Return public keys. :raises Rejected: (``no_recipient``, ``bad_recipient``)."""
    if not texts:
        raise Rejected(
            "Name a recovery key: --to age1…, or SAU_BACKUP_KEYS. 'sau recovery-key FILE' makes one.",
            code="no_recipient",
        )
    try:
        return [pyrage.x25519.Recipient.from_str(text) for text in texts]
    except pyrage.RecipientError as error:
        raise Rejected("A recovery key is written age1….", code="bad_recipient") from error


def needs_passphrase(path: Path) -> bool:
    """Tell whether the recovery key is under a passphrase (one of ``age-keygen`` need not be)."""
    return _read(path).lstrip().startswith((_ARMOR, b"age-encryption.org/"))


def open_recovery_key(path: Path, passphrase: SecretText | None) -> list[pyrage.x25519.Identity]:
    """Return the secret keys that a file holds.

    :raises Rejected: (``wrong_passphrase``, ``bad_recovery_key``).
    """
    octets = _read(path)
    if needs_passphrase(path):
        try:
            octets = pyrage.passphrase.decrypt(octets, passphrase.reveal() if passphrase else "")
        except pyrage.DecryptError as error:
            raise Rejected("The recovery key does not open with this passphrase.", code="wrong_passphrase") from error
    lines = [line for line in octets.decode("utf-8", "replace").splitlines() if line and not line.startswith("#")]
    try:
        return [pyrage.x25519.Identity.from_str(line.strip()) for line in lines]
    except pyrage.IdentityError as error:
        raise Rejected(f"{path} holds no recovery key.", code="bad_recovery_key") from error


def seal(reader: IO[bytes], writer: IO[bytes], recipients: Sequence[pyrage.x25519.Recipient]) -> None:
    """Encrypt all of ``reader`` into ``writer``, so that each of the keys opens it.

    :raises Unavailable: (``backup_not_written``) if the place takes no more.
    """
    try:
        pyrage.encrypt_io(reader, writer, list(recipients))
    except (pyrage.EncryptError, OSError) as error:
        raise Unavailable("The backup cannot be written: is the disk full?", code="backup_not_written") from error


def unseal(reader: IO[bytes], writer: IO[bytes], identities: Sequence[pyrage.x25519.Identity]) -> None:
    """Decrypt. :raises Rejected: (``not_sealed_to_this_key``) if none of the keys opens it, or it was changed."""
    try:
        pyrage.decrypt_io(reader, writer, list(identities))
    except (pyrage.DecryptError, OSError) as error:  # the latter where the file is cut or changed further on
        raise Rejected(
            "This recovery key does not open the file, or the file was changed or cut.", code="backup_unopened"
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}.", code="no_recovery_key") from error
