"""What is encrypted to us opens with the key of our own set (RFC 9101 §6.1)."""

from __future__ import annotations

import json

import pytest
from joserfc.jwk import JWKRegistry, Key

from composition import Composition
from idp.protocol.algorithms import CONTENT_ENCRYPTION_ALGORITHMS, KEY_MANAGEMENT_ALGORITHMS
from idp.protocol.jose import JwtError
from idp.protocol.jwe import encrypt_to
from idp.tokens.encrypted_request import is_encrypted, open_encrypted_request
from idp.tokens.encryption_keys import revoke_encryption_keys, rotate_encryption_keys
from kernel.clock import ManualClock
from tests.idp.signing import make_signing_keys


@pytest.fixture(autouse=True)
def _keys(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> None:
    make_signing_keys(composition, monkeypatch)


def _published(composition: Composition) -> list[Key]:
    with composition.database.reading() as session:
        documents = json.loads(composition.idp.token_keys.published(session).jwks_json)["keys"]
    return [JWKRegistry.import_key(document) for document in documents if document["use"] == "enc"]


def _open(composition: Composition, token: str) -> str:
    with composition.database.reading() as session:
        return open_encrypted_request(session, composition.idp, token=token)


def _encrypt(keys: list[Key], alg: str, enc: str = "A256GCM") -> str:
    token = encrypt_to(keys, "a.b.c", alg=alg, enc=enc)
    assert token is not None
    return token


@pytest.mark.parametrize("alg", KEY_MANAGEMENT_ALGORITHMS)
def test_a_request_by_each_algorithm_opens(composition: Composition, alg: str) -> None:
    """With every content encryption, and with the key named or not."""
    for enc in CONTENT_ENCRYPTION_ALGORITHMS:
        token = _encrypt(_published(composition), alg, enc)
        assert is_encrypted(token)
        assert _open(composition, token) == "a.b.c"
    nameless = []
    for key in _published(composition):
        members = {name: value for name, value in key.as_dict(private=False).items() if name != "kid"}
        nameless.append(JWKRegistry.import_key(members))
    assert _open(composition, _encrypt(nameless, alg)) == "a.b.c"


def test_a_replaced_key_opens_for_a_while_and_a_revoked_one_does_not(
    composition: Composition, clock: ManualClock
) -> None:
    """An application may have the old one in its cache; a thief may have the stolen one."""
    known = _published(composition)
    with composition.database.transaction() as session:
        rotate_encryption_keys(session, composition.idp, now=clock.now())
    for alg in ("RSA-OAEP-256", "ECDH-ES"):
        assert _open(composition, _encrypt(known, alg)) == "a.b.c"
    with composition.database.transaction() as session:
        assert {key.kid for key in known} < set(revoke_encryption_keys(session, composition.idp, now=clock.now()))
    for alg in ("RSA-OAEP-256", "ECDH-ES"):
        with pytest.raises(JwtError) as caught:
            _open(composition, _encrypt(known, alg))
        assert caught.value.reason == "unknown_key"


def test_a_signing_key_opens_nothing(composition: Composition) -> None:
    """RFC 8725 §3.1: a key has one use."""
    with composition.database.reading() as session:
        documents = json.loads(composition.idp.token_keys.published(session).jwks_json)["keys"]
    stolen = {key["alg"]: key for key in documents if key["use"] == "sig"}
    for alg, name in (("RSA-OAEP-256", "RS256"), ("ECDH-ES", "ES256")):
        members = {member: value for member, value in stolen[name].items() if member not in ("use", "alg")}
        with pytest.raises(JwtError):
            _open(composition, _encrypt([JWKRegistry.import_key(members)], alg))
