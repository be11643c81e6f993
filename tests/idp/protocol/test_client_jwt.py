"""Which of an application's keys verifies what it signed (RFC 7515 §6, RFC 8725 §3)."""

from __future__ import annotations

import json

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, OctKey, OKPKey, RSAKey

from idp.protocol.client_jwt import verify_client_jwt
from idp.protocol.jose import JwtError
from kernel.identifiers import b64url

FIRST, SECOND = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("first", "second"))
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
ALL = ("ES256", "ES384", "RS256", "PS256", "EdDSA", "Ed25519", "HS256")


def _signed(key: Key, algorithm: str = "ES256", **header: str) -> str:
    return jwt.encode({"alg": algorithm, **header}, {"a": 1}, key, algorithms=[algorithm])


def _reason(token: str, *keys: Key, algorithms: tuple[str, ...] = ALL) -> str:
    with pytest.raises(JwtError) as refused:
        verify_client_jwt(token, keys=KeySet(list(keys)), algorithms=algorithms)
    return refused.value.reason


def test_without_a_kid_each_fitting_key_is_tried() -> None:
    """RFC 7515 §4.1.4: kid is optional."""
    for key in (FIRST, SECOND):
        assert verify_client_jwt(_signed(key), keys=KeySet([RSA, FIRST, SECOND]), algorithms=ALL).claims == {"a": 1}


def test_a_kid_names_one_key() -> None:
    """A signature by the other one is bad though that one is registered, too."""
    assert verify_client_jwt(_signed(FIRST, kid="first"), keys=KeySet([SECOND, FIRST]), algorithms=ALL)
    assert _reason(_signed(FIRST, kid="second"), FIRST, SECOND) == "bad_signature"
    assert _reason(_signed(FIRST, kid="third"), FIRST, SECOND) == "unknown_key"


def test_a_secret_is_known_without_a_name() -> None:
    """OpenID Connect Core §9: whatever kid a library writes beside a MAC."""
    old, new = OctKey.import_key("o" * 64), OctKey.import_key("n" * 64)
    for key in (old, new):
        assert verify_client_jwt(_signed(key, "HS256", kid="any"), keys=KeySet([old, new]), algorithms=("HS256",))


@pytest.mark.parametrize("key", [FIRST, ECKey.generate_key("P-384"), OKPKey.generate_key("Ed25519")])
def test_a_key_verifies_its_own_algorithm_only(key: Key) -> None:
    """RFC 8725 §3.1; RFC 7518 §3.4: the curve decides."""
    assert _reason(_signed(RSA, "RS256"), key) == "unknown_key"
    only = RSAKey.import_key({**RSA.as_dict(private=False), "alg": "PS256"})
    assert _reason(_signed(RSA, "RS256"), only) == "unknown_key"


def test_both_names_of_one_signature_are_verified_and_a_key_may_insist_on_one() -> None:
    """RFC 9864 §2.2: Ed25519 is what EdDSA means with this curve, and with no other."""
    key = OKPKey.generate_key("Ed25519", {"kid": "ed"})
    for name in ("EdDSA", "Ed25519"):
        assert verify_client_jwt(_signed(key, name), keys=KeySet([key]), algorithms=ALL).claims == {"a": 1}
        only = OKPKey.import_key({**key.as_dict(private=False), "alg": name})
        other = {"EdDSA": "Ed25519", "Ed25519": "EdDSA"}[name]
        assert _reason(_signed(key, other), only) == "unknown_key"
    assert _reason(_signed(key, "Ed25519"), OKPKey.generate_key("X25519")) == "unknown_key"
    assert _reason(_signed(key, "Ed25519"), key, algorithms=("EdDSA",)) == "bad_alg"


def test_an_algorithm_that_is_not_allowed_is_never_tried() -> None:
    """RFC 8725 §3.1: none, and the public key as a secret, among them."""
    assert _reason(_signed(FIRST), FIRST, algorithms=("PS256",)) == "bad_alg"
    none = f"{b64url(json.dumps({'alg': 'none'}).encode())}.{b64url(b'{}')}."
    assert _reason(none, FIRST) == "bad_alg"
    assert _reason(_signed(OctKey.import_key("x" * 64), "HS256"), FIRST) == "unknown_key"


@pytest.mark.parametrize(
    "header", [b"", b"[]", b'"x"', b"{", b"{}", b'{"alg": 5}', b'{"alg": "ES256", "kid": 5}', b"[" * 5000]
)
def test_a_malformed_header_is_no_fault(header: bytes) -> None:
    """OpenID Provider, rule 13."""
    assert _reason(f"{b64url(header)}.{b64url(b'{}')}.AAAA", FIRST) in ("malformed", "bad_alg")
    assert _reason("x" * 20_000, FIRST) == "oversized"
