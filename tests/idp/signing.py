"""Token keys for tests: made once in a test process, because RSA keys take their time."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, PrivateKeyTypes
from sqlalchemy import insert

import keys.file_store
from composition import Composition
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.tokens.key_ring import ACTIVE, NEXT
from idp.tokens.key_rotation import rotate_signing_keys
from idp.tokens.model import EncryptionKeyRow, SigningKeyRow
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
    """Give the service its signing and encryption keys as ``sau init`` does, taken from those kept."""

    def generate(algorithm: Algorithm, *, rsa_bits: int) -> CertificateIssuerPrivateKeyTypes:
        _counter[0] += 1
        return _kept_key(algorithm, _counter[0] % 7)

    def generate_for_others(kind: EncryptionKind) -> DecryptionKey:
        _counter[0] += 1
        return _kept_decryption_key(kind, _counter[0] % 3)

    monkeypatch.setattr(keys.file_store, "generate_private_key", generate)
    monkeypatch.setattr(keys.file_store, "generate_decryption_key", generate_for_others)
    _open_quickly(monkeypatch)
    store, now = composition.keystore, composition.clock.now()
    signing, encryption = [], []
    for algorithm in TOKEN_ALGORITHMS:
        for state in (ACTIVE, NEXT):
            kid = f"token-{algorithm.lower()}-{state}"
            store.create(kid, Algorithm(algorithm))
            since = now if state == ACTIVE else None
            signing.append(
                {"kid": kid, "algorithm": algorithm, "state": state, "created_at": now, "activated_at": since}
            )
    for kind in EncryptionKind:
        store.create_decrypter(f"encryption-{kind.lower()}", kind)
        encryption.append({"kid": f"encryption-{kind.lower()}", "kind": kind, "state": ACTIVE, "created_at": now})
    with composition.database.transaction() as session:
        session.execute(insert(SigningKeyRow), signing)
        session.execute(insert(EncryptionKeyRow), encryption)


def rotate_all(composition: Composition) -> None:
    """Let the next key of every algorithm take over; the clock must stand an hour after the last time."""
    with composition.database.transaction() as session:
        for algorithm in TOKEN_ALGORITHMS:
            rotate_signing_keys(session, composition.idp, algorithm=algorithm, now=composition.clock.now())


def _open_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let keys of this test be neither encrypted nor read again: that takes a tenth of a second for an RSA key."""
    written: dict[Path, tuple[str, PrivateKeyTypes]] = {}
    read = FileKeyStore._read

    def note(self: FileKeyStore, name: str, purpose: str, private_key: PrivateKeyTypes) -> None:
        self._path(name, "key").touch(mode=0o600, exist_ok=False)
        written[self.folder / name] = (purpose, private_key)

    def recall(self: FileKeyStore, name: str) -> tuple[str, PrivateKeyTypes]:
        known = written.get(self.folder / name)
        return known if known and (self.folder / f"{name}.key").exists() else read(self, name)

    monkeypatch.setattr(FileKeyStore, "_write", note)
    monkeypatch.setattr(FileKeyStore, "_read", recall)
