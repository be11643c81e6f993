"""Signed notes and checkpoints, against notes that other programs signed."""

from __future__ import annotations

import pytest

from audit.checkpoint import (
    Checkpoint,
    CheckpointError,
    LogKey,
    sign_checkpoint,
    verify_checkpoint,
    verify_note,
)
from audit.merkle import EMPTY_ROOT
from kernel.errors import Fault
from keys.signer import Algorithm, PrivateKeySigner, generate_private_key

ORIGIN = "sau.test/audit/log"

# From the documentation of Go's golang.org/x/mod/sumdb/note.
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


@pytest.fixture
def signer() -> PrivateKeySigner:
    return PrivateKeySigner("audit-log", generate_private_key(Algorithm.EDDSA), Algorithm.EDDSA)


def test_accepts_a_note_signed_by_another_program() -> None:
    """C2SP signed-note: text, key id and signature as Go's sumdb/note writes them."""
    text, signature = verify_note(NOTE, expected_key=LogKey.parse(KEY))
    assert text.endswith("your problem is.\n")
    assert len(signature) == 64
    assert str(LogKey.parse(KEY)) == KEY


def test_signs_what_it_verifies(signer: PrivateKeySigner) -> None:
    """C2SP tlog-checkpoint: origin, size and base64 root, one a line."""
    checkpoint = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    note = sign_checkpoint(checkpoint, signer)
    assert note.startswith(f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— {ORIGIN} ")
    assert verify_checkpoint(note, expected_key=LogKey.of(ORIGIN, signer)) == checkpoint


def test_a_co_signature_does_not_disturb(signer: PrivateKeySigner) -> None:
    """Signed-note: signatures of unknown keys are ignored."""
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), signer)
    witness = NOTE.splitlines()[-1]
    assert verify_checkpoint(f"{note}{witness}\n", expected_key=LogKey.of(ORIGIN, signer)).size == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n7\n", "\n8\n"),
        ("\n7\n", "\n07\n"),
        ("\n7\n", "\n7\n\n"),
        ("\n7\n", "\n-7\n"),
        (ORIGIN + "\n7", "other.test\n7"),
        ("— ", "- "),
        ("\n\n—", "\n—"),
        ("\n7\n", "\r\n7\n"),
    ],
)
def test_refuses_a_changed_checkpoint(signer: PrivateKeySigner, old: str, new: str) -> None:
    """One changed character anywhere in the text."""
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, b"r" * 32), signer)
    assert old in note
    with pytest.raises(CheckpointError):
        verify_checkpoint(note.replace(old, new, 1), expected_key=LogKey.of(ORIGIN, signer))


def test_refuses_the_key_of_another(signer: PrivateKeySigner) -> None:
    """The note must be signed by the key that was expected, whatever name the signature bears."""
    other = PrivateKeySigner("other", generate_private_key(Algorithm.EDDSA), Algorithm.EDDSA)
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, b"r" * 32), other)
    with pytest.raises(CheckpointError):
        verify_checkpoint(note, expected_key=LogKey.of(ORIGIN, signer))


def test_refuses_well_signed_nonsense(signer: PrivateKeySigner) -> None:
    """A signature does not make a malformed size or root good."""
    key = LogKey.of(ORIGIN, signer)
    for bad in (
        Checkpoint("other.test", 1, b"r" * 32),
        Checkpoint(ORIGIN, 1, b"short"),
        Checkpoint(ORIGIN, -1, b"r" * 32),
    ):
        forged = sign_checkpoint(Checkpoint(ORIGIN, 1, b"r" * 32), signer)
        from audit.checkpoint import with_signature

        forged = with_signature(bad, key, signer.sign(bad.text.encode()))
        with pytest.raises(CheckpointError):
            verify_checkpoint(forged, expected_key=key)


@pytest.mark.parametrize("text", ["", "a+b", "a+00000000+AAAA", KEY.replace("c74f20a3", "c74f20a4"), "x+y+%%%"])
def test_refuses_a_malformed_key(text: str) -> None:
    """A key whose id does not fit was mistyped or forged."""
    with pytest.raises(CheckpointError):
        LogKey.parse(text)


def test_only_ed25519_signs_the_log() -> None:
    """Signed-note type 0x01."""
    signer = PrivateKeySigner("k", generate_private_key(Algorithm.ES256), Algorithm.ES256)
    with pytest.raises(Fault):
        sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), signer)
