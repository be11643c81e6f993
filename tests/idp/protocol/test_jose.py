"""Reading signed JWTs (RFC 7515, RFC 7519, RFC 8725)."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet

from idp.protocol.jose import SIZE_LIMIT, JwtError, text_claim, time_claim, verify_jwt
from kernel.identifiers import b64url

KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
OTHER = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
KEYS = KeySet([KEY])
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda some: st.lists(some), max_leaves=4)


def _token(claims: dict[str, Any] | None = None, key: ECKey = KEY, **header: Any) -> str:
    return jwt.encode({"alg": "ES256", "kid": "one", **header}, claims or {"sub": "a"}, key)


def test_a_signature_of_an_expected_key_is_accepted() -> None:
    """RFC 7515 §5.2."""
    assert verify_jwt(_token(), keys=KEYS, algorithms=("ES256",)).claims == {"sub": "a"}


def _signed_with_the_public_key() -> str:
    text = b64url(b'{"alg":"HS256","kid":"one"}') + "." + b64url(b'{"sub":"a"}')
    return f"{text}.{b64url(hmac.digest(KEY.as_pem(private=False), text.encode(), 'sha256'))}"


@pytest.mark.parametrize(
    "token",
    [
        _token(key=OTHER),
        _token(kid="two"),
        _token()[:-4] + "AAAA",
        _token().rsplit(".", 1)[0] + ".",
        b64url(b'{"alg":"none"}') + "." + b64url(b'{"sub":"a"}') + ".",
        _signed_with_the_public_key(),
        "",
        "a.b",
        "é.é.é",
        "a" * (SIZE_LIMIT + 1),
    ],
    ids=["other key", "other kid", "changed", "unsigned", "none", "public key as secret", "empty", "two", "é", "long"],
)
def test_anything_else_is_refused(token: str) -> None:
    """RFC 8725 §2.1, §3.1, §3.2: the algorithm is the reader's choice, never the token's."""
    with pytest.raises(JwtError):
        verify_jwt(token, keys=KEYS, algorithms=("ES256",))


def test_an_algorithm_that_was_not_named_is_refused() -> None:
    """RFC 8725 §3.1."""
    with pytest.raises(JwtError):
        verify_jwt(_token(), keys=KEYS, algorithms=("RS256",))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_a_token_brings_no_key_of_its_own(name: str) -> None:
    """RFC 8725 §3.10."""
    value: Any = [] if name == "x5c" else KEY.as_dict(private=False) if name == "jwk" else "https://evil.example/"
    with pytest.raises(JwtError):
        verify_jwt(_token(**{name: value}), keys=KEYS, algorithms=("ES256",))


@given(header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64"]), JSON), payload=JSON)
def test_whatever_comes_is_refused_as_a_token(header: dict[str, Any], payload: Any) -> None:
    """No header makes it fail otherwise."""
    token = f"{b64url(json.dumps(header).encode())}.{b64url(json.dumps(payload).encode())}.AAAA"
    with pytest.raises(JwtError):
        verify_jwt(token, keys=KEYS, algorithms=("ES256",))


@pytest.mark.parametrize("value", [None, "", "x" * 513, 1, ["a"], {}])
def test_a_text_claim_is_a_bounded_text(value: object) -> None:
    """RFC 7519 §2: StringOrURI."""
    assert text_claim({"sub": "a"}, "sub") == "a"
    with pytest.raises(JwtError) as caught:
        text_claim({"sub": value}, "sub")
    assert caught.value.reason == "bad_sub"


@pytest.mark.parametrize("value", [None, "1", True, -1, 2**40, float("nan"), float("inf"), [1]])
def test_a_time_claim_is_a_number_of_seconds(value: object) -> None:
    """RFC 7519 §2: NumericDate; a fraction is cut."""
    assert time_claim({"exp": 1.9}, "exp") == 1
    with pytest.raises(JwtError) as caught:
        time_claim({"exp": value}, "exp")
    assert caught.value.reason == "bad_exp"


def test_a_token_signed_by_the_key_it_brings_is_refused() -> None:
    """RFC 8725 §3.10: an embedded key is not believed, with or without the name of one of ours."""
    thief = ECKey.generate_key("P-256")
    for name in ("one", None):
        header = {"alg": "ES256", "jwk": thief.as_dict(private=False), **({"kid": name} if name else {})}
        token = jwt.encode(header, {"sub": "a"}, thief)
        with pytest.raises(JwtError):
            verify_jwt(token, keys=KEYS, algorithms=("ES256",))


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": ["x"]}, {"crit": []}, {"b64": False}])
def test_an_extension_that_must_be_understood_is_refused(header: dict[str, Any]) -> None:
    """RFC 7515 §4.1.11: none is understood here; RFC 7797 neither."""
    text = b64url(json.dumps({"alg": "ES256", "kid": "one", **header}).encode()) + "." + b64url(b'{"sub":"a"}')
    signature = ECKey.import_key(KEY.as_dict(private=True)).private_key
    assert signature is not None
    der = signature.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    token = f"{text}.{b64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    with pytest.raises(JwtError):
        verify_jwt(token, keys=KEYS, algorithms=("ES256",))


def test_an_encrypted_or_nested_token_is_no_signed_one() -> None:
    """RFC 8725 §3.11: what is expected is said by the reader; a token within a token is not looked for."""
    inner = _token()
    nested = jwt.encode({"alg": "ES256", "kid": "one", "cty": "JWT"}, {"jwt": inner}, KEY)
    payload = b64url(inner.encode())
    header, _, signature = inner.split(".")
    encrypted = jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A128GCM"}, inner, ECKey.generate_key("P-256"))
    for token in (f"{header}.{payload}.{signature}", encrypted, f"{inner}.{inner}"):
        with pytest.raises(JwtError):
            verify_jwt(token, keys=KEYS, algorithms=("ES256",))
    assert verify_jwt(nested, keys=KEYS, algorithms=("ES256",)).claims == {"jwt": inner}


@pytest.mark.parametrize("numbers", [(0, 0), (1, 1)])
def test_a_signature_of_zeros_is_refused(numbers: tuple[int, int]) -> None:
    """CVE-2022-21449, «psychic signatures» in Java: r and s are at least 1, and belong to the key."""
    header, payload, _ = _token().split(".")
    forged = b64url(b"".join(number.to_bytes(32, "big") for number in numbers))
    with pytest.raises(JwtError):
        verify_jwt(f"{header}.{payload}.{forged}", keys=KEYS, algorithms=("ES256",))
