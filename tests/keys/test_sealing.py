"""Sealed values open for their purpose and their row only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import Fault
from keys.sealing import Sealer, derive_secret

MASTER = bytes(range(32))


@given(content=st.binary(max_size=200), row=st.text(max_size=30))
def test_what_is_sealed_opens(content: bytes, row: str) -> None:
    """Whatever the octets and the row."""
    sealer = Sealer(MASTER, "totp")
    sealed = sealer.seal(content, bound_to=row)
    assert sealer.open(sealed, bound_to=row) == content
    assert len(content) < 8 or content not in sealed


def test_the_same_content_never_looks_the_same() -> None:
    """A fresh nonce each time: equal seeds cannot be told from their rows."""
    sealer = Sealer(MASTER, "totp")
    assert sealer.seal(b"seed", bound_to="a") != sealer.seal(b"seed", bound_to="a")


@pytest.mark.parametrize(
    ("opener", "row"),
    [
        (Sealer(MASTER, "totp"), "another-row"),
        (Sealer(MASTER, "mail"), "row"),
        (Sealer(bytes(32), "totp"), "row"),
    ],
)
def test_another_row_purpose_or_master_does_not_open(opener: Sealer, row: str) -> None:
    """Rows cannot be swapped by someone who can write to the database."""
    sealed = Sealer(MASTER, "totp").seal(b"seed", bound_to="row")
    with pytest.raises(Fault) as caught:
        opener.open(sealed, bound_to=row)
    assert caught.value.code == "seal_broken"


def test_every_changed_or_missing_octet_is_found() -> None:
    """Authenticated encryption: version, nonce, ciphertext, tag."""
    sealer = Sealer(MASTER, "totp")
    sealed = sealer.seal(b"seed", bound_to="row")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Fault):
            sealer.open(bytes(changed), bound_to="row")
    for length in range(len(sealed)):
        with pytest.raises(Fault):
            sealer.open(sealed[:length], bound_to="row")


def test_derived_secrets_are_separate_and_stable() -> None:
    """HKDF-SHA256 (RFC 5869): the same purpose gives the same octets, another one none of them."""
    assert derive_secret(MASTER, "a") == derive_secret(MASTER, "a")
    assert derive_secret(MASTER, "a") != derive_secret(MASTER, "b")
    assert len(derive_secret(MASTER, "a", octets=16)) == 16
