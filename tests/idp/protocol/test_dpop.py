"""DPoP proofs and their nonces (RFC 9449)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from idp.protocol.dpop import AGE_LIMIT, DPOP_ALGORITHMS, DpopError, DpopProof, is_thumbprint, read_dpop_proof
from idp.protocol.dpop_nonce import WINDOW, is_live_nonce, nonce_at
from kernel.identifiers import b64url, sha256

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
URL = "https://sau.example/token"
KEY = ECKey.generate_key("P-256")
GOOD: dict[str, Any] = {"jti": "j", "htm": "POST", "htu": URL, "iat": AT}


class _Registry(JWSRegistry):
    max_header_length = 20_000


def _sign(key: Key = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    full = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)} | (header or {})
    kept = {name: value for name, value in full.items() if value is not None}
    registry = _Registry(algorithms=[str(kept["alg"])], strict_check_header=False)
    return jwt.encode(kept, claims, key, registry=registry)


def _brought(header: dict[str, Any]) -> str:
    """A proof with any header at all; its signature is never looked at."""
    full = {"typ": "dpop+jwt", "alg": "ES256"} | header
    return f"{b64url(json.dumps(full).encode())}.{b64url(json.dumps(GOOD).encode())}.AAAA"


def _read(
    *proofs: str, token: str | None = None, algorithms: tuple[str, ...] = DPOP_ALGORITHMS, url: str = URL
) -> DpopProof:
    return read_dpop_proof(
        proofs, expected_method="POST", expected_url=url, access_token=token, algorithms=algorithms, now=NOW
    )


def _reason(*proofs: str, **expected: Any) -> str:
    with pytest.raises(DpopError) as refused:
        _read(*proofs, **expected)
    assert refused.value.code == "invalid_dpop_proof"
    return refused.value.reason


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", KEY),
        ("ES384", ECKey.generate_key("P-384")),
        ("EdDSA", OKPKey.generate_key("Ed25519")),
        ("Ed25519", OKPKey.generate_key("Ed25519")),
        ("PS256", RSAKey.generate_key(2048)),
    ],
)
def test_a_good_proof_names_its_key(algorithm: str, key: Key) -> None:
    """§4.3, §6.1: the thumbprint of RFC 7638; what makes it single use."""
    proof = _read(_sign(key, {"alg": algorithm}, nonce="n"))
    assert (proof.jkt, proof.jti, proof.nonce) == (key.thumbprint(), "j", "n")
    assert proof.expires_at == NOW + AGE_LIMIT
    assert is_thumbprint(proof.jkt)


def test_the_clock_may_lead_a_little_and_lag_a_minute() -> None:
    """OpenID Provider, rule 11: 8 s ahead is accepted, 60 s is not; a proof is for now."""
    for seconds in (0, 8, 30, -10, -60):
        assert _read(_sign(iat=AT + seconds)).jti == "j"
    for seconds, reason in ((31, "iat_in_the_future"), (60, "iat_in_the_future"), (-61, "iat_too_old")):
        assert _reason(_sign(iat=AT + seconds)) == reason


def test_nbf_and_exp_are_understood() -> None:
    """FAPI 2.0: a proof may carry them."""
    assert _read(_sign(nbf=AT, exp=AT + 300)).jti == "j"
    assert _reason(_sign(nbf=AT + 60)) == "nbf_in_the_future"
    assert _reason(_sign(exp=AT)) == "expired"


def test_exactly_one_proof() -> None:
    """§4.3 item 1."""
    assert _reason() == "no_proof"
    assert _reason(_sign(), _sign(jti="k")) == "several_proofs"
    # Two headers that a server joined into one line.
    assert _reason(f"{_sign()}, {_sign()}") == "several_proofs"
    assert _reason(f"{_sign()},") == "several_proofs"


@pytest.mark.parametrize(
    "written",
    [
        "https://SAU.example/token",
        "HTTPS://sau.example:443/token",
        "https://sau.example/token?a=1",
        "https://sau.example/token#f",
        "https://sau.example/%74oken",
    ],
)
def test_htu_is_compared_as_an_address(written: str) -> None:
    """§4.3: normalised by RFC 3986 §6.2.2 and §6.2.3; query and fragment do not count."""
    assert _read(_sign(htu=written)).jti == "j"


@pytest.mark.parametrize(
    "written",
    [
        "https://sau.example/token/",
        "https://sau.example/Token",
        "http://sau.example/token",
        "https://sau.example:8443/token",
        "https://user@sau.example/token",
        "https://evil.example/token",
        "https://sau.example:99999/token",
        "https://[/token",
        "/token",
        "urn:x",
    ],
)
def test_a_proof_for_another_address_is_refused(written: str) -> None:
    """§4.3 item 9."""
    assert _reason(_sign(htu=written)) == "wrong_htu"


def test_a_proof_for_another_method_is_refused() -> None:
    """§4.3 item 8: case counts."""
    assert _reason(_sign(htm="GET")) == "wrong_htm"
    assert _reason(_sign(htm="post")) == "wrong_htm"


def test_a_proof_beside_a_token_is_for_that_token() -> None:
    """§4.3 item 12: ``ath``."""
    assert _read(_sign(ath=b64url(sha256("t"))), token="t").jti == "j"
    assert _reason(_sign(), token="t") == "bad_ath"
    assert _reason(_sign(ath=b64url(sha256("u"))), token="t") == "wrong_ath"


@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat"])
def test_every_claim_is_needed(name: str) -> None:
    """§4.2; and each of its type."""
    assert _reason(_sign(**{name: None})) == f"bad_{name}"
    assert _reason(_sign(**{name: ["x"]})) == f"bad_{name}"


def test_only_public_keys_of_a_bounded_kind() -> None:
    """§4.2, §4.3 items 5 to 7: never a private member, never symmetric, never a key that is our work to read."""
    assert _reason(_sign(header={"jwk": KEY.as_dict(private=True)})) == "no_public_key"
    assert _reason(_brought({"jwk": None})) == "no_public_key"
    assert _reason(_brought({"jwk": "x"})) == "no_public_key"
    assert _reason(_brought({"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": 5}})) == "unreadable_key"
    assert _reason(_brought({"jwk": {"kty": "EC", "crv": "P-256"}})) == "unreadable_key"
    assert _reason(_sign(header={"jwk": OKPKey.generate_key("Ed25519").as_dict(private=False)})) == "key_does_not_fit"
    assert _reason(_sign(RSAKey.generate_key(1024), {"alg": "PS256"})) == "key_size"
    other = ECKey.generate_key("P-256").as_dict(private=False)
    assert _reason(_sign(header={"jwk": other})) == "bad_signature"
    secret = OctKey.generate_key(256).as_dict()
    assert _reason(_brought({"alg": "HS256", "jwk": secret})) == "algorithm_not_allowed"
    assert _reason(_brought({"jwk": secret})) == "no_public_key"


def test_an_rsa_exponent_of_a_thousand_bits_is_not_computed() -> None:
    """What a stranger sends is read at a bounded cost."""
    jwk = RSAKey.generate_key(2048).as_dict(private=False)
    big = b64url(((1 << 1000) + 1).to_bytes(126, "big"))
    assert _reason(_brought({"alg": "PS256", "jwk": {**jwk, "e": big}})) in ("key_size", "unreadable_key")


def test_only_the_client_s_algorithms() -> None:
    """FAPI 2.0 §5.4: a policy may allow fewer."""
    assert _reason(_sign(), algorithms=("PS256",)) == "algorithm_not_allowed"
    none = b64url(json.dumps({"typ": "dpop+jwt", "alg": "none", "jwk": KEY.as_dict(private=False)}).encode())
    assert _reason(f"{none}.{b64url(json.dumps(GOOD).encode())}.") == "algorithm_not_allowed"


def test_only_a_dpop_proof() -> None:
    """§4.3 item 4, RFC 8725 §3.11: no other JWT passes for one."""
    for typ in ("JWT", "at+jwt", None):
        assert _reason(_sign(header={"typ": typ})) == "wrong_type"
    for rubbish in ("", "x", "a.b.c", "e30.e30.e30", "....", "é.é.é", _sign() + "x" * 9_000):
        assert _reason(rubbish) in ("malformed", "wrong_type")
    assert _reason(_brought({"jwk": KEY.as_dict(private=False), "crit": ["x"]})) != ""
    assert _reason(_sign(iat=2**41)) == "bad_iat"


def test_a_payload_that_is_no_object() -> None:
    """RFC 7519 §7.2."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False)}
    assert _reason(jws.serialize_compact(header, b"[1]", KEY, registry=_Registry())) != ""


def test_a_nonce_is_live_for_its_window_and_the_next() -> None:
    """§8: the same in every process, kept nowhere; another secret's or an old one is refused."""
    secret, other = b"s" * 32, b"o" * 32
    nonce = nonce_at(secret, NOW)
    assert len(nonce) == 24
    assert nonce_at(secret, NOW) == nonce != nonce_at(other, NOW)
    assert is_live_nonce(secret, nonce, now=NOW)
    assert is_live_nonce(secret, nonce, now=NOW + WINDOW)
    assert is_live_nonce(secret, nonce, now=NOW - timedelta(seconds=1))
    assert not is_live_nonce(secret, nonce, now=NOW + 2 * WINDOW)
    assert not is_live_nonce(other, nonce, now=NOW)
    assert not is_live_nonce(secret, "x", now=NOW)
    assert not is_live_nonce(secret, "é", now=NOW)
