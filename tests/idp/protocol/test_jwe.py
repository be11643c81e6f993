"""Encrypted tokens (RFC 7516, RFC 8725)."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from idp.protocol.algorithms import (
    CONTENT_ENCRYPTION_ALGORITHMS,
    KEY_MANAGEMENT_ALGORITHMS,
    OLD_KEY_MANAGEMENT_ALGORITHMS,
)
from idp.protocol.jose import JwtError
from idp.protocol.jwe import SIZE_LIMIT, decrypt, encrypt_to
from kernel.identifiers import b64url, b64url_decode

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"})
KEYS: dict[str, Key] = {"rsa": RSA, "ec": EC}
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda some: st.lists(some), max_leaves=4)


def _find(alg: str, kid: str | None) -> Key | None:
    return RSA if alg.startswith("RSA") else EC


def _header(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(b64url_decode(token.partition(".")[0]))
    return header


def _encrypted(alg: str = "ECDH-ES", enc: str = "A128GCM") -> str:
    token = encrypt_to(KEYS.values(), "a.b.c", alg=alg, enc=enc)
    assert token is not None
    return token


def _changed(**header: Any) -> str:
    """Return a good token with another header."""
    token = _encrypted()
    return ".".join([b64url(json.dumps(_header(token) | header).encode()), *token.split(".")[1:]])


@pytest.mark.parametrize("enc", CONTENT_ENCRYPTION_ALGORITHMS)
@pytest.mark.parametrize("alg", KEY_MANAGEMENT_ALGORITHMS)
def test_what_was_encrypted_to_a_key_opens_with_it(alg: str, enc: str) -> None:
    """RFC 7516 §5: the header names algorithms, key and what is inside."""
    token = _encrypted(alg, enc)
    header = _header(token)
    assert (header["alg"], header["enc"], header["cty"]) == (alg, enc, "JWT")
    assert header["kid"] == ("rsa" if alg.startswith("RSA") else "ec")
    assert decrypt(token, find_key=_find) == "a.b.c"


@pytest.mark.parametrize("key", [ECKey.generate_key("P-384"), OKPKey.generate_key("X25519")], ids=["P-384", "X25519"])
def test_other_curves_are_encrypted_to(key: ECKey | OKPKey) -> None:
    """RFC 7518 §4.6, RFC 8037 §3.2."""
    token = encrypt_to([key], "a.b.c", alg="ECDH-ES+A256KW", enc="A256GCM")
    assert token is not None
    assert decrypt(token, find_key=lambda alg, kid: key) == "a.b.c"


def test_the_key_is_the_first_that_serves_the_algorithm() -> None:
    """A key that names another algorithm, a signature's curve, or the wrong type does not."""
    for alg, unfit in (
        ("RSA-OAEP-256", [EC, RSAKey.import_key(RSA.as_dict(private=False), {"alg": "RSA-OAEP"})]),
        ("ECDH-ES", [RSA, OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256", {"alg": "ES256"})]),
        ("RSA-OAEP", [RSAKey.import_key(RSA.as_dict(private=False), {"alg": "RSA-OAEP-256"})]),
        ("ECDH-ES", []),
    ):
        assert encrypt_to(unfit, "a", alg=alg, enc="A128GCM") is None


def _oct(alg: str, **header: Any) -> str:
    """Return a token for a shared secret."""
    key = OctKey.generate_key(128 if alg != "dir" else 256)
    registry = jwe.JWERegistry(algorithms=[alg, "A256GCM", "A128GCM"])
    enc = "A256GCM" if alg == "dir" else "A128GCM"
    return jwe.encrypt_compact({"alg": alg, "enc": enc, **header}, "a.b.c", key, registry=registry)


def _off_the_curve() -> dict[str, str]:
    """Return a point that is on no curve: agreeing with it would leak the private key bit by bit."""
    return {"kty": "EC", "crv": "P-256", "x": b64url(b"\x01" * 32), "y": b64url(b"\x02" * 32)}


def _compressed() -> str:
    """Return ten kilobytes that unfold into ten megabytes."""
    bomb = zlib.compress(b"a" * 10_000_000, 9)[2:-4]
    token = jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A128GCM"}, bomb, EC)
    return ".".join([b64url(json.dumps(_header(token) | {"zip": "DEF"}).encode()), *token.split(".")[1:]])


REFUSED = [
    (_encrypted()[:-4] + "AAAA", "not_decrypted"),
    (_changed(kid="other"), "not_decrypted"),  # the header is bound to the content
    (_changed(alg="RSA-OAEP-256"), "not_decrypted"),
    (_changed(alg="none"), "bad_alg"),
    (_changed(alg=["ECDH-ES"]), "bad_alg"),
    (_changed(enc="A192GCM"), "bad_alg"),
    (_changed(enc=None), "bad_alg"),
    (_changed(kid=1), "malformed"),
    (_changed(epk=None), "not_decrypted"),
    (_changed(epk=_off_the_curve()), "not_decrypted"),
    (_changed(epk=ECKey.generate_key("P-384").as_dict(private=False)), "not_decrypted"),
    (_changed(epk=OKPKey.generate_key("X25519").as_dict(private=False)), "not_decrypted"),
    (_changed(epk={"kty": "RSA", "n": "AQAB", "e": "AQAB"}), "not_decrypted"),
    (_changed(zip="DEF"), "header_not_allowed"),
    (_compressed(), "header_not_allowed"),
    (_changed(crit=["exp"]), "header_not_allowed"),
    (_changed(crit=["exp"], exp=1), "header_not_allowed"),
    (_changed(jwk=EC.as_dict(private=False)), "header_not_allowed"),
    (_changed(x="a" * 1_024), "oversized"),
    (_oct("PBES2-HS256+A128KW", p2c=2_000), "bad_alg"),
    (_changed(p2c=2**31), "header_not_allowed"),
    (_oct("dir"), "bad_alg"),
    (_oct("A128KW"), "bad_alg"),
    (_changed(alg="RSA1_5"), "bad_alg"),
    ("", "malformed"),
    ("a.b.c.d.e", "malformed"),
    ("....", "malformed"),
    (".".join(["a"] * 6), "malformed"),
    ("é.b.c.d.e", "malformed"),
    (b64url(b"[]") + ".b.c.d.e", "malformed"),
    (b64url(b"[" * 700) + "....", "malformed"),
    ("a" * (SIZE_LIMIT + 1), "oversized"),
]


@pytest.mark.parametrize(
    ("token", "reason"), REFUSED, ids=[f"{number}-{reason}" for number, (_, reason) in enumerate(REFUSED)]
)
def test_anything_else_is_refused(token: str, reason: str) -> None:
    """RFC 8725 §2.4, §2.6, §3.1, §3.2, §3.4, §3.6, §3.10; the reason is for the record."""
    with pytest.raises(JwtError) as caught:
        decrypt(token, find_key=_find)
    assert caught.value.reason == reason


def test_a_key_that_nobody_has_opens_nothing() -> None:
    """RFC 7516 §5.2."""
    with pytest.raises(JwtError) as caught:
        decrypt(_encrypted(), find_key=lambda alg, kid: None)
    assert caught.value.reason == "unknown_key"


@given(
    header=st.dictionaries(st.sampled_from(["alg", "enc", "kid", "typ", "epk", "apu", "apv"]), JSON),
    parts=st.lists(st.text(alphabet="ABab-_", max_size=40), min_size=4, max_size=4),
)
def test_whatever_comes_is_refused_as_a_token(header: dict[str, Any], parts: list[str]) -> None:
    """No header and no content makes it fail otherwise."""
    header = {"alg": "ECDH-ES", "enc": "A128GCM"} | header
    with pytest.raises(JwtError):
        decrypt(".".join([b64url(json.dumps(header).encode()), *parts]), find_key=_find)


def test_the_old_padding_is_for_those_whose_library_knows_no_other() -> None:
    """We encrypt by RSA-OAEP to them; nobody encrypts by it to us."""
    (old,) = OLD_KEY_MANAGEMENT_ALGORITHMS
    token = encrypt_to([RSA], "a.b.c", alg=old, enc="A128CBC-HS256")
    assert token is not None
    assert jwe.decrypt_compact(token, RSA, algorithms=[old, "A128CBC-HS256"]).plaintext == b"a.b.c"
    with pytest.raises(JwtError):
        decrypt(token, find_key=_find)
