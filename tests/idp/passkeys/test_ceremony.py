"""The rules of both ceremonies alone: every part made wrong, and octets that would take memory or stack."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import pytest

from idp.passkeys.authenticator_names import authenticator_name
from idp.passkeys.ceremony import (
    LONGEST_ANSWER,
    PasskeyRefusedError,
    RelyingParty,
    authentication_options,
    read_claim,
    registration_options,
    require_assertion,
    require_registration,
)
from kernel.identifiers import b64url
from tests.idp.passkeys.software_authenticator import BE, BS, UP, UV, SoftwareAuthenticator

PARTY = RelyingParty.of("http://localhost:8000")
CHALLENGE, HANDLE = "c" * 43, "h" * 43


def _creation() -> dict[str, Any]:
    return registration_options(PARTY, challenge=CHALLENGE, handle=HANDLE, account="a", name="A", known=())


def test_the_relying_party_is_the_issuers_host() -> None:
    """WebAuthn §5.1.3: a port is part of the origin and not of the id."""
    assert RelyingParty.of("https://sau.gob.ec") == RelyingParty("sau.gob.ec", "https://sau.gob.ec")
    assert RelyingParty("localhost", "http://localhost:8000") == PARTY


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://localhost:8001"},
        {"origin": "http://localhost:8000.evil.example"},
        {"origin": ["http://localhost:8000"]},
        {"rp_id": "evil.example"},
        {"challenge": "d" * 43},
        {"flags": UP},
        {"flags": UV},
        {"flags": UP | UV | BS},
        {"type": "webauthn.get"},
        {"cross_origin": True},
        {"fmt": "fido-u2f"},
        {"fmt": "packed", "statement": {"alg": -7, "sig": b"x", "x5c": [b"x"]}},
        {"fmt": "packed", "statement": {"alg": -7, "sig": b"x"}},
        {"fmt": "none", "statement": {"sig": b"x"}},
        {"fmt": 7},
        {"public_key": cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\x01\x00\x01"})},
        {"public_key": cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 1024, -2: b"\x01\x00\x01"})},
        {"public_key": cbor2.dumps({1: 2, 3: -35, -1: 2, -2: b"x" * 48, -3: b"x" * 48})},
        {"public_key": cbor2.dumps({1: 2, 3: -7, -1: 1, -2: b"\x01" * 32, -3: b"\x02" * 32})},
        {"public_key": b"\x04" + b"\x01" * 64},
        {"public_key": b"\xa0"},
        {"attestation": b"\x81" * 5000},
        {"attestation": b"\x9b" + b"\xff" * 8},
        {"attestation": b"\x5b\x00\x00\x00\xff\xff\xff\xff\xff"},
        {"attestation": b"\xc2\x59\x0f\xa0" + b"\xff" * 4000},
        {"attestation": b"\xa1\x01"},
        {"attestation": b""},
    ],
    ids=str,
)
def test_a_key_that_was_not_made_as_asked_is_refused(wrong: dict[str, Any]) -> None:
    """WebAuthn §7.1; attestation that was not asked for; keys too short, too long, of other curves; CBOR bombs."""
    answer = SoftwareAuthenticator().register(_creation(), **wrong)
    with pytest.raises(PasskeyRefusedError):
        require_registration(answer, party=PARTY, expected_challenge=CHALLENGE)


@pytest.mark.parametrize("length", [0, 15, 1024], ids=str)
def test_an_id_has_its_bounds(length: int) -> None:
    """WebAuthn §4: at least 100 bits, at most 1023 octets."""
    answer = SoftwareAuthenticator(credential=b"i" * length).register(_creation())
    with pytest.raises(PasskeyRefusedError):
        require_registration(answer, party=PARTY, expected_challenge=CHALLENGE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://localhost:8000"},
        {"origin": "http://localhost"},
        {"rp_id": "sau.localhost"},
        {"challenge": "d" * 43},
        {"challenge": "\x00"},
        {"challenge": ["x"]},
        {"challenge": None},
        {"flags": 0},
        {"flags": UP},
        {"flags": UV},
        {"flags": UP | UV | BE},
        {"flags": UP | UV | BS},
        {"type": "webauthn.create"},
        {"cross_origin": True},
        {"handle": "\ud800"},
        {"handle": 7},
        {"handle": "a b"},
    ],
    ids=str,
)
def test_an_answer_that_is_not_what_was_asked_for_is_refused(wrong: dict[str, Any]) -> None:
    """WebAuthn §7.2: origin, RP id, challenge, presence, verification, eligibility that changed, a frame."""
    authenticator = SoftwareAuthenticator()
    made = require_registration(authenticator.register(_creation()), party=PARTY, expected_challenge=CHALLENGE)

    def judge(**given: Any) -> None:
        claim = read_claim(authenticator.answer(authentication_options(PARTY, challenge=CHALLENGE), **given))
        require_assertion(
            claim,
            party=PARTY,
            expected_challenge=CHALLENGE,
            public_key=made.public_key,
            was_backup_eligible=made.backup_eligible,
        )

    judge()
    with pytest.raises(PasskeyRefusedError):
        judge(**wrong)


def test_a_signature_of_another_key_is_refused() -> None:
    """The key that signs is the one that was registered, whatever id the answer names."""
    honest = SoftwareAuthenticator()
    made = require_registration(honest.register(_creation()), party=PARTY, expected_challenge=CHALLENGE)
    thief = SoftwareAuthenticator(credential=honest.credential, handle=honest.handle)
    claim = read_claim(thief.answer(authentication_options(PARTY, challenge=CHALLENGE)))
    with pytest.raises(PasskeyRefusedError):
        require_assertion(
            claim,
            party=PARTY,
            expected_challenge=CHALLENGE,
            public_key=made.public_key,
            was_backup_eligible=False,
        )


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "[" * (LONGEST_ANSWER - 1),
        '{"id":' * 1300,
        "x" * (LONGEST_ANSWER + 1),
        json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "A" * 7000}}),
        json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}),
        json.dumps({"id": "AA", "rawId": "AA", "type": "x", "response": {"userHandle": 7}}),
        json.dumps(
            {
                "id": "AA",
                "rawId": "AA",
                "type": "public-key",
                "response": {
                    "clientDataJSON": b64url(b"[" * 5000),
                    "authenticatorData": "AA",
                    "signature": "AA",
                },
            }
        ),
    ],
    ids=range(12),
)
def test_what_is_no_answer_is_a_plain_no(sent: str) -> None:
    """Odd, deep and huge JSON raises what every other misfit raises."""
    with pytest.raises(PasskeyRefusedError):
        read_claim(sent)
    with pytest.raises(PasskeyRefusedError):
        require_registration(sent, party=PARTY, expected_challenge=CHALLENGE)


def test_the_makers_name_is_a_word_only() -> None:
    """An AAGUID that nobody knows has none."""
    assert authenticator_name("FBFC3007-154E-4ECC-8C0B-6E020557D7BD") == "iCloud Keychain"
    assert authenticator_name("00000000-0000-0000-0000-000000000000") == ""
