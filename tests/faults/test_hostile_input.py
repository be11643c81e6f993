"""Fuzzers on what comes from outside (attacks, line 27): a refusal in its own words, never a crash."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ca.requests.csr import parse_csr
from ca.revocation.ocsp_request import MalformedRequestError, parse_request
from composition import Composition
from kernel.errors import ServiceError
from kernel.identifiers import b64url
from tests.ca.csr import make_csr
from tests.idp.relying_party import RelyingParty, register
from tests.idp.signing import make_signing_keys
from wsgi import create_app

BOUNDED = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXT = st.text(max_size=60) | st.sampled_from(["\x00", "\ud800", "'", "%00", "\r\nX: y", "\u202e"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "zip", "enc", "b64", "cty", "x5c"]),
    JSON | st.sampled_from(["none", "HS256", "ES256", "RS256", "dir", "A128GCM", "DEF"]),
    max_size=5,
)
CLAIMS = st.dictionaries(
    st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "sid", "scope"]), JSON, max_size=8
)


PARAMETERS = re.findall(
    r"\w+",
    "client_id redirect_uri scope state nonce prompt max_age acr_values login_hint ui_locales response_type "
    "response_mode code_challenge code_challenge_method claims",
)


@pytest.fixture
def app(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application of a web process."""
    make_signing_keys(composition, monkeypatch)
    return create_app(composition)


@pytest.fixture
def party(composition: Composition, app: Flask) -> RelyingParty:
    """A confidential application."""
    return register(composition)


def _part(value: Any) -> str:
    return b64url(json.dumps(value).encode())


@BOUNDED
@given(header=HEADERS, claims=CLAIMS | JSON, tail=st.binary(max_size=80), extra=st.integers(0, 3))
def test_no_token_of_others_is_a_crash(
    app: Flask, party: RelyingParty, header: dict[str, Any], claims: Any, tail: bytes, extra: int
) -> None:
    """Rule 13: an assertion, an access token and a hint made of anything."""
    token = ".".join([_part(header), _part(claims), b64url(tail), *["AA"] * extra])
    http = app.test_client(use_cookies=False)
    assertion = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": token,
    }
    assert http.post("/token", data=assertion).status_code in (400, 401, 431)
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code in (400, 401, 431)
    assert http.get("/logout", query_string={"id_token_hint": token}).status_code in (400, 414)
    asked = http.get(party.authorization_url(id_token_hint=token))
    assert asked.status_code in (303, 400, 414)
    assert http.post("/introspect", data={"token": token}, headers=party.basic()).get_json() in (
        {"active": False},
        {"error": "invalid_request", "error_description": "The request has too many or too long parameters."},
    )


@BOUNDED
@given(header=st.binary(max_size=60) | TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_basic_header_is_a_crash(app: Flask, header: bytes) -> None:
    """RFC 6749 §2.3.1: whatever stands in it, the client is not authenticated."""
    value = "Basic " + base64.b64encode(header).decode()
    answer = app.test_client().post("/token", data={"grant_type": "refresh_token"}, headers={"Authorization": value})
    assert answer.status_code in (401, 431)


@BOUNDED
@given(
    changes=st.dictionaries(
        st.sampled_from(PARAMETERS),
        st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60) | st.integers().map(str),
        min_size=1,
        max_size=4,
    )
)
def test_no_authorization_request_is_a_crash(app: Flask, party: RelyingParty, changes: dict[str, str]) -> None:
    """Rules 1, 2: a page or a redirect to the registered address, and never a split header."""
    answer = app.test_client().get("/authorize", query_string=party.parameters() | changes)
    assert answer.status_code in (200, 303, 400, 414), answer.get_data(as_text=True)[:200]
    if answer.status_code == 303:
        assert answer.location.startswith((f"{party.redirect_uri}?", "/login/", "https://portal.example/cb?tenant=1&"))


@BOUNDED
@given(noise=st.binary(max_size=40), at=st.integers(0, 400), cut=st.integers(0, 40))
def test_no_certificate_request_is_a_crash(noise: bytes, at: int, cut: int) -> None:
    """Line 27: a CSR with octets changed, cut or added."""
    der = bytearray(base64.b64decode(_CSR))
    at = min(at, len(der))
    der[at : at + cut] = noise
    for given_csr in (bytes(der), noise):
        with suppress(ServiceError):
            parse_csr(given_csr)


@BOUNDED
@given(noise=st.binary(max_size=60), at=st.integers(0, 120), cut=st.integers(0, 20))
def test_no_ocsp_request_is_a_crash(noise: bytes, at: int, cut: int) -> None:
    """Line 27: the same for a question about a certificate."""
    der = bytearray(_OCSP)
    at = min(at, len(der))
    der[at : at + cut] = noise
    for question in (bytes(der), noise):
        with suppress(MalformedRequestError):
            parse_request(question)


@BOUNDED
@given(username=TEXT, password=TEXT, code=TEXT, step=st.sampled_from(["password", "second_factor", "resend", ""]))
def test_no_form_is_a_crash(app: Flask, username: str, password: str, code: str, step: str) -> None:
    """Line 27: people's forms with anything typed."""
    app.config["WTF_CSRF_ENABLED"] = False
    browser = app.test_client()
    fields = {"step": step, "username": username, "password": password, "code": code, "cedula": username}
    fields |= {"given_names": username, "surnames": code, "email": f"{username}@correo.test"}
    octets = {name: value.encode("utf-8", "surrogatepass") for name, value in fields.items()}
    for path in (browser.get("/login").location, "/signup", "/recovery"):
        answer = browser.post(path, data=octets)
        assert answer.status_code < 500, (path, answer.status_code)


_OCSP = bytes.fromhex(
    "304f304d304b30493047300706052b0e03021a0414" + "11" * 20 + "0414" + "22" * 20 + "0210" + "33" * 16
)
_CSR = b"".join(line for line in make_csr().encode().splitlines() if not line.startswith(b"-----"))
