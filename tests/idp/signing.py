"""Token keys for tests: made once in a test process, because RSA keys take their time."""

from __future__ import annotations

from functools import lru_cache

import pytest
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

import keys.file_store
from composition import Composition
from idp.tokens.key_rotation import ensure_signing_keys
from keys.signer import Algorithm, generate_private_key

_counter = [0]


@lru_cache(maxsize=64)
def _kept_key(algorithm: Algorithm, number: int) -> CertificateIssuerPrivateKeyTypes:
    return generate_private_key(algorithm, rsa_bits=2048)


def make_signing_keys(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the service its signing keys, taken from those kept."""

    def generate(algorithm: Algorithm) -> CertificateIssuerPrivateKeyTypes:
        _counter[0] += 1
        return _kept_key(algorithm, _counter[0] % 6)

    monkeypatch.setattr(keys.file_store, "generate_private_key", generate)
    with composition.database.transaction() as session:
        ensure_signing_keys(session, composition.idp, now=composition.clock.now())
