"""The short reading of our own access tokens takes nothing that the long one would refuse."""

from __future__ import annotations

import json
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from idp.protocol.jose import JwtError
from idp.tokens.jws import header_segment, read_own_jwt, sign_jwt
from kernel.identifiers import b64url, b64url_decode
from keys.signer import Algorithm, PrivateKeySigner

KEY = ec.generate_private_key(ec.SECP256R1())
SIGNER = PrivateKeySigner("a", KEY, Algorithm.ES256)
KEYS = {header_segment(SIGNER, "at+jwt"): cast(ec.EllipticCurvePublicKey, SIGNER.public_key)}
CLAIMS = {"sub": "ñ", "aud": "api"}
TOKEN = sign_jwt(CLAIMS, signer=SIGNER, typ="at+jwt")


def test_reads_what_we_signed() -> None:
    """Claims as they were given."""
    assert read_own_jwt(TOKEN, keys=KEYS) == CLAIMS


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256", "typ": "at+jwt", "kid": "a"},
        {"alg": "ES256", "typ": "JWT", "kid": "a"},
        {"alg": "ES256", "typ": "at+jwt", "kid": "b"},
        {"alg": "ES256", "typ": "at+jwt", "kid": "a", "jwk": {}},
    ],
    ids=str,
)
def test_any_other_beginning_is_left_to_the_long_reading(header: dict[str, object]) -> None:
    """RFC 8725 §3.1, §3.10: nothing in a header chooses algorithm, key or type."""
    first = b64url(json.dumps(header, separators=(",", ":")).encode())
    assert read_own_jwt(f"{first}.{TOKEN.partition('.')[2]}", keys=KEYS) is None


def _changed() -> dict[str, str]:
    header, payload, signature = TOKEN.split(".")
    octets = b64url_decode(signature)
    other = PrivateKeySigner("a", ec.generate_private_key(ec.SECP256R1()), Algorithm.ES256)
    return {
        "another key of that name": sign_jwt(CLAIMS, signer=other, typ="at+jwt"),
        "other claims": f"{header}.{b64url(b'{}')}.{signature}",
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "four parts": f"{TOKEN}.{signature}",
        "zero": f"{header}.{payload}.{b64url(bytes(64))}",
        "DER instead of r and s": f"{header}.{payload}.{b64url(KEY.sign(b'', ec.ECDSA(Algorithm.ES256.hash)))}",
        "halves in other order": f"{header}.{payload}.{b64url(octets[32:] + octets[:32])}",
        "padding": f"{TOKEN}=",
        "another spelling of the last character": TOKEN[:-1] + chr(ord(TOKEN[-1]) + 1),
        "a line end": f"{TOKEN}\n",
    }


@pytest.mark.parametrize("name", _changed())
def test_refuses_what_was_changed(name: str) -> None:
    """RFC 7515 §5.2: every octet counts."""
    with pytest.raises(JwtError):
        read_own_jwt(_changed()[name], keys=KEYS)


def test_reads_what_our_rsa_key_signed_and_nothing_else() -> None:
    """RFC 7518 §3.3; a signature over other octets, shorter, or by PSS is none."""
    key = rsa.generate_private_key(65537, 2048)
    signer, other = PrivateKeySigner("r", key, Algorithm.RS256), PrivateKeySigner("r", key, Algorithm.PS256)
    keys = KEYS | {header_segment(signer, "at+jwt"): key.public_key()}
    token = sign_jwt(CLAIMS, signer=signer, typ="at+jwt")
    assert read_own_jwt(token, keys=keys) == CLAIMS
    assert read_own_jwt(sign_jwt(CLAIMS, signer=other, typ="at+jwt"), keys=keys) is None
    header, payload, signature = token.split(".")
    by_pss = b64url(other.sign(f"{header}.{payload}".encode()))
    for wrong in (f"{header}.{b64url(b'{}')}.{signature}", f"{header}.{payload}.", f"{header}.{payload}.{by_pss}"):
        with pytest.raises(JwtError):
            read_own_jwt(wrong, keys=keys)


@pytest.mark.parametrize("payload", [b"[]", b'"a"', b"{", b"\xff", b"[" * 100_000])
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    """Even if it were signed."""
    signing_input = f"{header_segment(SIGNER, 'at+jwt')}.{b64url(payload)}"
    token = sign_jwt({}, signer=SIGNER, typ="at+jwt")
    r_and_s = token.rpartition(".")[2]
    with pytest.raises(JwtError):
        outcome = read_own_jwt(f"{signing_input}.{r_and_s}", keys=KEYS)
        if outcome is None:  # too long: the long reading refuses it
            raise JwtError("oversized")
