"""Fuzzers on what applications and browsers send to the provider (attacks and faults, 27): refused, never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwe
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from composition import Composition
from idp.clients.dynamic.initial_access import issue_initial_access_token
from kernel.clock import ManualClock
from kernel.identifiers import new_secret
from kernel.settings import Settings
from tests.faults.fuzzing import Edit, change_json, change_octets, signed, try_all
from tests.faults.rounds import Figure
from tests.idp.dpop import ISSUER, Holder
from tests.idp.fapi import ASSERTION_TYPE, KeyedParty, register_keyed
from tests.idp.relying_party import Visitor, add_visitor, at
from tests.idp.signing import make_signing_keys
from wsgi import create_app

T = TypeVar("T")
_FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody is asked to wait."""
    return settings.model_copy(update={"rate_limits": "off"})


@dataclass
class Bench:
    """What the targets send with."""

    composition: Composition
    app: Flask
    http: FlaskClient
    party: KeyedParty
    visitor: Visitor
    holder: Holder

    @property
    def now(self) -> int:
        """The moment in seconds."""
        return at(self.composition.clock.now())


@pytest.fixture
def bench(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A provider, an application with a key, a person who is logged in."""
    make_signing_keys(composition, monkeypatch)
    app = create_app(composition)
    visitor = add_visitor(composition, app)
    party = register_keyed(composition)
    return Bench(composition, app, app.test_client(use_cookies=False), party, visitor, Holder(composition))


Target = Callable[[Bench, list[Edit]], TestResponse]


def assertion(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 7523: a right signature over a header and claims of anything."""
    header = {"alg": "ES256", "kid": "k1", "typ": "JWT"}
    claims = {"iss": bench.party.client_id, "sub": bench.party.client_id, "aud": [ISSUER], "jti": new_secret(16)}
    claims |= {"iat": bench.now, "nbf": bench.now, "exp": bench.now + 60}
    compact = _signed(edits, header, claims, bench.party.key)
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": compact, "grant_type": "refresh_token"}
    return bench.http.post("/token", data=form | {"refresh_token": "x"})


def request_object(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 9101: what is asked for, changed before it is signed; pushed, or by the browser."""
    claims: dict[str, Any] = {
        **bench.party.parameters(),
        "iss": bench.party.client_id, "aud": ISSUER, "nbf": bench.now, "exp": bench.now + 300, "max_age": 3600,
        "claims": {"id_token": {"acr": {"essential": True, "values": ["a"]}}, "userinfo": {"email": None}},
        "authorization_details": [{"type": "a", "locations": ["https://a.example"], "actions": ["b"]}],
    }  # fmt: skip
    compact = _signed(edits, {"alg": "ES256", "kid": "k1", "typ": "oauth-authz-req+jwt"}, claims, bench.party.key)
    if _half(edits):
        form = {"client_id": bench.party.client_id, "request": compact, **bench.party.assertion()}
        return bench.http.post("/par", data=form)
    return bench.visitor.http.get("/authorize?" + urlencode({"client_id": bench.party.client_id, "request": compact}))


def encrypted_object(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 7516: an encrypted request with its parts changed."""
    keys = KeySet.import_key_set({"keys": [k for k in bench.http.get("/jwks").get_json()["keys"] if k["use"] == "enc"]})
    key = keys.keys[edits[0].odd % len(keys.keys)]
    algorithm = {"RSA": "RSA-OAEP-256", "EC": "ECDH-ES"}[key.key_type]
    protected = {"alg": algorithm, "enc": "A256GCM", "kid": key.kid, "cty": "JWT"}
    inner = change_octets(bench.party.signed().encode(), edits) if _half(edits) else bench.party.signed().encode()
    registry = jwe.JWERegistry(algorithms=["RSA-OAEP-256", "ECDH-ES", "A256GCM"])
    compact = jwe.encrypt_compact(protected, inner, key, registry=registry).encode()
    sent = compact if _half(edits) else change_octets(compact, edits)
    form = {"client_id": bench.party.client_id, "request": sent.decode("latin-1"), **bench.party.assertion()}
    return bench.http.post("/par", data=form)


def proof(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 9449: a proof of anything, at the token endpoint and beside a token."""
    path, method = ("/token", "POST") if _half(edits) else ("/userinfo", "GET")
    claims = {
        "jti": new_secret(16),
        "htm": method,
        "htu": ISSUER + path,
        "iat": bench.now,
        "ath": "A" * 43,
        "nonce": "n",
    }
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": dict(bench.holder.key.as_dict(private=False))}
    compact = _signed(edits, header, claims, bench.holder.key)
    if method == "GET":
        return bench.http.get(path, headers={"DPoP": compact, "Authorization": "DPoP x.y.z"})
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": "https://a.example"}
    return bench.http.post(path, data=form | bench.party.assertion(), headers={"DPoP": compact})


def metadata(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 7591: what an application says of itself."""
    with bench.composition.database.transaction() as session:
        _, token = issue_initial_access_token(
            session,
            journal=bench.composition.journal,
            policy="web",
            institution_id=None,
            now=bench.composition.clock.now(),
        )
    document = {
        "client_name": "Portal", "client_name#en": "Portal", "redirect_uris": ["https://portal.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": "openid email",
        "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [bench.party.key.as_dict(private=False)]},
        "logo_uri": "https://portal.example/logo.png", "contacts": ["a@portal.example"], "default_max_age": 3600,
        "require_auth_time": True, "id_token_signed_response_alg": "ES256", "default_acr_values": ["a"],
        "post_logout_redirect_uris": ["https://portal.example/bye"], "request_uris": ["https://portal.example/r"],
        "sector_identifier_uri": "https://portal.example/s", "subject_type": "public", "software_statement": "x",
        "backchannel_logout_uri": "https://portal.example/out", "authorization_details_types": ["a"],
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {token.reveal()}", "Content-Type": "application/json"}
    body = json.dumps(change_json(document, edits)).encode()
    return bench.http.post("/register", data=change_octets(body, edits) if _half(edits) else body, headers=headers)


def parameters(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 6749 §4.1.1, OpenID Connect Core §5.5, RFC 9396: an address with JSON in it."""
    claims = {"id_token": {"acr": {"essential": True, "values": ["a"]}, "auth_time": None}, "userinfo": {"email": None}}
    details = [{"type": "a", "locations": ["https://a.example"], "actions": ["b"], "identifier": "c"}]
    asked: dict[str, Any] = bench.party.parameters() | {
        "claims": json.dumps(change_json(claims, edits)),
        "authorization_details": json.dumps(change_json(details, edits)),
        "max_age": "60", "prompt": "consent", "acr_values": "a b", "ui_locales": "es qu", "login_hint": "x",
        "resource": "https://api.example", "response_mode": "form_post", "dpop_jkt": "A" * 43, "id_token_hint": "a.b.c",
    }  # fmt: skip
    query = urlencode(asked).encode()
    sent = change_octets(query, edits) if _half(edits) else query
    return bench.visitor.http.get("/authorize?" + sent.decode("latin-1"))


def form(bench: Bench, edits: list[Edit]) -> TestResponse:
    """Bodies of forms as no browser sends them, under every content type that is read."""
    boundary = b'--b\r\nContent-Disposition: form-data; name="username"; filename="a"\r\n\r\n1710034065\r\n--b--\r\n'
    bodies = [
        (b"grant_type=authorization_code&code=x&client_id=y&code_verifier=z&scope=%C3%A1+b", _FORM),
        (boundary, "multipart/form-data; boundary=b"),
        (b'{"grant_type": "client_credentials"}', "application/json"),
    ]
    body, kind = _pick(edits, bodies)
    paths = [
        "/token",
        "/introspect",
        "/revoke",
        "/par",
        "/device_authorization",
        "/ciba",
        "/login/x",
        "/signup",
        "/logout",
    ]
    path = paths[edits[0].at % len(paths)]
    return bench.http.post(path, data=change_octets(body, edits), content_type=kind)


def cookies(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 6265: sessions of nobody, and headers that hold no cookie."""
    jar = (
        b"sau_session=" + new_secret().encode() + b"; sau_browser=" + b"b" * 43 + b"; session=eyJhIjoxfQ.aA.bB; lang=es"
    )
    header = change_octets(jar, edits).replace(b"\r", b"").replace(b"\n", b"").decode("latin-1")
    path = _pick(
        edits, ["/login", "/authorize?client_id=x", "/account", "/admin", "/device", "/session/check", "/signup"]
    )
    return bench.http.get(path, headers={"Cookie": header})


def bearer(bench: Bench, edits: list[Edit]) -> TestResponse:
    """RFC 6750, RFC 7662: tokens that are nearly ours."""
    header = {"alg": "ES256", "kid": "token-es256-active", "typ": "at+jwt"}
    claims = {"iss": ISSUER, "sub": "x", "aud": ISSUER, "exp": bench.now + 60, "iat": bench.now, "jti": "a", "sid": "b"}
    compact = _signed(edits, header, claims | {"client_id": bench.party.client_id, "scope": "openid"}, bench.holder.key)
    if _half(edits):
        return bench.http.post("/introspect", data={"token": compact} | bench.party.assertion())
    return bench.http.get("/userinfo", headers={"Authorization": f"Bearer {compact}"})


def _signed(edits: list[Edit], header: Any, claims: Any, key: Any) -> str:
    """A right signature; two times of three the claims are what changes, else the header."""
    if edits[0].width % 3:
        return signed(header, change_json(claims, edits), key.private_key)
    return signed(change_json(header, edits), claims, key.private_key)


def _half(edits: list[Edit]) -> bool:
    return edits[0].kind % 2 == 1


def _pick(edits: list[Edit], several: list[T]) -> T:
    return several[edits[-1].odd % len(several)]


TARGETS: tuple[Target, ...] = (
    assertion, request_object, encrypted_object, proof, metadata, parameters, form, cookies, bearer,
)  # fmt: skip


def test_nothing_that_is_sent_to_the_provider_is_a_crash(bench: Bench, clock: ManualClock, figure: Figure) -> None:
    """Each target with changes of its own."""
    count = 0

    def send(target: Target, edits: list[Edit]) -> int:
        nonlocal count
        if count % 50 == 0:
            bench.visitor.log_in()
        count += 1
        clock.advance(timedelta(seconds=20))
        return target(bench, edits).status_code

    figure("changed messages to the provider, no crash", try_all(TARGETS, send, short=12, long=2000), "messages")
