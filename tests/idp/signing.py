"""Token keys for tests: made once in a test process, because RSA keys take their time."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, PrivateKeyTypes

import keys.file_store
from composition import Composition
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.tokens.encryption_keys import ensure_encryption_keys
from idp.tokens.key_rotation import ensure_signing_keys, rotate_signing_keys
from keys.decrypter import DecryptionKey, EncryptionKind, generate_decryption_key
from keys.file_store import FileKeyStore
from keys.signer import Algorithm, generate_private_key

_counter = [0]


@lru_cache(maxsize=64)
def _kept_key(algorithm: Algorithm, number: int) -> CertificateIssuerPrivateKeyTypes:
    return generate_private_key(algorithm, rsa_bits=2048)


@lru_cache(maxsize=8)
def _kept_decryption_key(kind: EncryptionKind, number: int) -> DecryptionKey:
    return generate_decryption_key(kind, rsa_bits=2048)


def make_signing_keys(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the service its signing and encryption keys, taken from those kept."""

    def generate(algorithm: Algorithm) -> CertificateIssuerPrivateKeyTypes:
        _counter[0] += 1
        return _kept_key(algorithm, _counter[0] % 7)

    def generate_for_others(kind: EncryptionKind) -> DecryptionKey:
        _counter[0] += 1
        return _kept_decryption_key(kind, _counter[0] % 3)

    monkeypatch.setattr(keys.file_store, "generate_private_key", generate)
    monkeypatch.setattr(keys.file_store, "generate_decryption_key", generate_for_others)
    _open_quickly(monkeypatch)
    with composition.database.transaction() as session:
        ensure_signing_keys(session, composition.idp, now=composition.clock.now())
        ensure_encryption_keys(session, composition.idp, now=composition.clock.now())


def rotate_all(composition: Composition) -> None:
    """Let the next key of every algorithm take over; the clock must stand an hour after the last time."""
    with composition.database.transaction() as session:
        for algorithm in TOKEN_ALGORITHMS:
            rotate_signing_keys(session, composition.idp, algorithm=algorithm, now=composition.clock.now())


def _open_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a key that this test wrote be opened without reading it: an RSA key takes a tenth of a second."""
    written: dict[Path, tuple[str, PrivateKeyTypes]] = {}
    write, read = FileKeyStore._write, FileKeyStore._read

    def note(self: FileKeyStore, name: str, purpose: str, private_key: PrivateKeyTypes) -> None:
        write(self, name, purpose, private_key)
        written[self.folder / name] = (purpose, private_key)

    def recall(self: FileKeyStore, name: str) -> tuple[str, PrivateKeyTypes]:
        known = written.get(self.folder / name)
        return known if known and (self.folder / f"{name}.key").exists() else read(self, name)

    monkeypatch.setattr(FileKeyStore, "_write", note)
    monkeypatch.setattr(FileKeyStore, "_read", recall)
