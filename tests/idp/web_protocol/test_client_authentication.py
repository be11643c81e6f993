"""How applications prove who they are."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from werkzeug.test import TestResponse

from composition import Composition
from idp.clients.client import find_client
from idp.clients.client_secret import rotate_secret
from idp.clients.register import disable_client
from kernel.identifiers import b64url, new_secret
from tests.idp.relying_party import RelyingParty, at, events, leaves, register
from web.state import web_state

ISSUER = "http://localhost:8000"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})


@pytest.fixture
def service(composition: Composition, app: Flask) -> RelyingParty:
    """A service that authenticates with a secret in the header."""
    return register(composition, **_service())


@pytest.fixture
def signer(composition: Composition, app: Flask) -> RelyingParty:
    """A service that authenticates with a key."""
    return _signing_service(composition, KEY)


def _service(**more: Any) -> dict[str, Any]:
    return {
        "redirect_uris": [],
        "post_logout_redirect_uris": [],
        "grant_types": ["client_credentials"],
        "scope": "tramites:leer",
        "optional_scope": "",
        "resources": ["https://api.example/"],
        **more,
    }


def _signing_service(composition: Composition, key: Any) -> RelyingParty:
    jwks = {"keys": [key.as_dict(private=False)]}
    return register(composition, **_service(token_endpoint_auth_method="private_key_jwt", jwks=jwks))


def _ask(http: FlaskClient, headers: dict[str, str] | None = None, **form: str) -> TestResponse:
    return http.post("/token", data={"grant_type": "client_credentials", **form}, headers=headers)


def _claims(composition: Composition, party: RelyingParty, **changes: Any) -> dict[str, Any]:
    now = at(composition.clock.now())
    claims = {
        "iss": party.client_id,
        "sub": party.client_id,
        "aud": ISSUER,
        "jti": new_secret(),
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def _assertion(claims: dict[str, Any], key: Any = KEY, algorithm: str = "ES256", **header: Any) -> dict[str, str]:
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    token = jwt.encode({"alg": algorithm, "kid": "one", **header}, claims, key, registry=registry)
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}


def _require_refused(composition: Composition, response: TestResponse, reason: str | None = None) -> None:
    assert response.status_code == 401
    assert response.get_json() == {"error": "invalid_client", "error_description": "Client authentication failed."}
    recorded = events(composition, "idp:client:authenticated")[-1]
    assert recorded[0] == "refused"
    assert reason is None or recorded[1] == reason


def test_a_service_gets_a_token_for_its_one_api(
    composition: Composition, service: RelyingParty, http: FlaskClient
) -> None:
    """RFC 6749 §4.4, RFC 9068 §2.2: at+jwt, one narrow audience, minutes; no refresh token."""
    answer = _ask(http, service.basic()).get_json()
    claims = service.claims(answer["access_token"])
    assert (claims["aud"], claims["sub"], claims["scope"]) == (
        "https://api.example/",
        service.client_id,
        "tramites:leer",
    )
    assert claims["exp"] - claims["iat"] == 300
    header = json.loads(base64.urlsafe_b64decode(answer["access_token"].split(".")[0] + "=="))
    assert header["typ"] == "at+jwt"
    assert "refresh_token" not in answer
    (issued,) = leaves(composition, "idp:token:issued")
    assert (issued["actor"], issued["details"]["client_authentication"]) == (service.client_id, "client_secret_basic")
    assert events(composition, "idp:client:authenticated") == []  # one request, one record
    assert _ask(http, service.basic(), scope="otro").get_json()["error"] == "invalid_scope"


@pytest.mark.parametrize("grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:saml2-bearer", "", None])
def test_other_grants_are_not_served(service: RelyingParty, http: FlaskClient, grant: str | None) -> None:
    """RFC 9700 §2.4: the password grant must not be used."""
    form = {} if grant is None else {"grant_type": grant, "username": "x", "password": "y"}
    response = http.post("/token", data=form, headers=service.basic())
    assert response.status_code == 400
    assert response.get_json()["error"] == ("unsupported_grant_type" if grant else "invalid_request")


def test_a_client_does_not_get_a_grant_that_it_did_not_register(
    composition: Composition, party: RelyingParty, http: FlaskClient
) -> None:
    """RFC 6749 §5.2."""
    assert _ask(http, party.basic()).get_json()["error"] == "unauthorized_client"


def test_two_methods_at_once_are_refused(composition: Composition, service: RelyingParty, http: FlaskClient) -> None:
    """RFC 6749 §2.3: exactly one."""
    response = _ask(http, service.basic(), client_id=service.client_id, client_secret=service.secret)
    _require_refused(composition, response, "two_methods")
    response = _ask(http, service.basic(), client_assertion_type=ASSERTION_TYPE, client_assertion="a.b.c")
    _require_refused(composition, response, "two_methods")


def test_a_method_other_than_the_registered_one_is_refused(
    composition: Composition, service: RelyingParty, http: FlaskClient
) -> None:
    """OpenID Connect Core §9: the method is part of the registration."""
    response = _ask(http, client_id=service.client_id, client_secret=service.secret)
    _require_refused(composition, response, "wrong_method")
    _require_refused(composition, _ask(http, client_id=service.client_id), "wrong_method")
    poster = register(composition, **_service(token_endpoint_auth_method="client_secret_post"))
    assert _ask(http, client_id=poster.client_id, client_secret=poster.secret).status_code == 200
    _require_refused(composition, _ask(http, poster.basic()), "wrong_method")


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b":secret").decode(),
        "Basic " + base64.b64encode(b"client:").decode(),
        "Basic " + base64.b64encode(b"a%zz:secret").decode(),
        "Basic " + base64.b64encode(b"a%ff:secret").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:secret").decode(),
        "Bearer abc",
        "Digest abc",
        "x" * 5000,
    ],
)
def test_a_broken_basic_header_is_invalid_client(
    composition: Composition, app: Flask, http: FlaskClient, header: str
) -> None:
    """RFC 6749 §5.2: 401, and the scheme that would work."""
    response = _ask(http, {"Authorization": header})
    _require_refused(composition, response)
    assert response.headers["WWW-Authenticate"].startswith("Basic ")


def test_wrong_unknown_and_missing_look_the_same(
    composition: Composition, service: RelyingParty, http: FlaskClient
) -> None:
    """Nobody learns which client ids exist; the record says which it was."""
    _require_refused(composition, _ask(http, service.basic("wrong")), "wrong_secret")
    service_id, service.client_id = service.client_id, "unknown"
    _require_refused(composition, _ask(http, service.basic()), "unknown_client")
    service.client_id = service_id
    _require_refused(composition, _ask(http), "no_credentials")
    _require_refused(composition, _ask(http, service.basic(), client_id="other"), "two_client_ids")


def test_two_secrets_work_during_a_rotation(composition: Composition, service: RelyingParty, http: FlaskClient) -> None:
    """The new one at once, the old one for a week."""
    with composition.database.transaction() as session:
        client = find_client(session, service.client_id)
        new = rotate_secret(session, journal=composition.journal, client=client, now=composition.clock.now())
    assert _ask(http, service.basic()).status_code == 200
    assert _ask(http, service.basic(new.reveal())).status_code == 200
    composition.clock.advance(timedelta(days=8))  # type: ignore[attr-defined]
    _require_refused(composition, _ask(http, service.basic()), "wrong_secret")


def test_parameters_in_the_address_are_refused(service: RelyingParty, http: FlaskClient) -> None:
    """RFC 6749 §2.3.1: secrets in addresses end in logs."""
    response = http.post("/token?grant_type=client_credentials", data={}, headers=service.basic())
    assert response.get_json()["error"] == "invalid_request"
    response = http.post("/token", json={"grant_type": "client_credentials"}, headers=service.basic())
    assert response.get_json()["error"] == "invalid_request"


def test_a_repeated_parameter_is_an_invalid_request(service: RelyingParty, http: FlaskClient) -> None:
    """RFC 6749 §3.2."""
    data = {"grant_type": ["client_credentials", "client_credentials"]}
    assert http.post("/token", data=data, headers=service.basic()).get_json()["error"] == "invalid_request"


def test_an_oversized_parameter_is_a_bad_request(service: RelyingParty, http: FlaskClient) -> None:
    """Cut early, memory flat."""
    assert _ask(http, service.basic(), scope="x" * 9000).status_code == 400
    assert _ask(http, service.basic(), scope="x" * 600_000).status_code in (400, 413)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (KEY, "ES256"),
        (RSAKey.generate_key(2048, {"kid": "one"}), "RS256"),
        (RSAKey.generate_key(2048, {"kid": "one"}), "PS256"),
        (OKPKey.generate_key("Ed25519", {"kid": "one"}), "EdDSA"),
        (OKPKey.generate_key("Ed25519", {"kid": "one"}), "Ed25519"),
        (OKPKey.generate_key("Ed25519", {"kid": "one", "alg": "Ed25519"}), "Ed25519"),
    ],
)
def test_a_signed_assertion_is_accepted(
    composition: Composition, app: Flask, http: FlaskClient, key: Any, algorithm: str
) -> None:
    """RFC 7523 §3, for each algorithm that discovery names; aud may be the issuer or the endpoint."""
    party = _signing_service(composition, key)
    for audience in (ISSUER, f"{ISSUER}/token", [ISSUER]):
        claims = _claims(composition, party, aud=audience)
        assert _ask(http, **_assertion(claims, key, algorithm)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "https://other.example"}, "assertion_bad_aud"),
        ({"aud": [ISSUER, "https://other.example"]}, "assertion_bad_aud"),
        ({"aud": None}, "assertion_bad_aud"),
        ({"aud": f"{ISSUER}/revoke"}, "assertion_bad_aud"),
        ({"iss": "other"}, "assertion_bad_sub"),
        ({"jti": None}, "assertion_bad_jti"),
        ({"jti": 7}, "assertion_bad_jti"),
        ({"exp": None}, "assertion_bad_exp"),
        ({"exp": True}, "assertion_bad_exp"),
        ({"exp": 1e300}, "assertion_bad_exp"),
        ({"exp": -60}, "assertion_expired"),
        ({"exp": 7200}, "assertion_lives_too_long"),
        ({"iat": 60}, "assertion_iat_in_the_future"),
        ({"nbf": 60}, "assertion_nbf_in_the_future"),
    ],
)
def test_an_assertion_that_is_not_for_here_and_now_is_refused(
    composition: Composition, signer: RelyingParty, http: FlaskClient, changes: dict[str, Any], reason: str
) -> None:
    """RFC 7523 §3."""
    now = at(composition.clock.now())
    moments = ("exp", "iat", "nbf")
    absolute = {
        name: now + value if name in moments and type(value) is int else value for name, value in changes.items()
    }
    response = _ask(http, **_assertion(_claims(composition, signer, **absolute)))
    _require_refused(composition, response, reason)


def test_a_clock_eight_seconds_ahead_is_accepted(
    composition: Composition, signer: RelyingParty, http: FlaskClient
) -> None:
    """Machines drift."""
    claims = _claims(composition, signer, iat=at(composition.clock.now()) + 8)
    assert _ask(http, **_assertion(claims)).status_code == 200


def test_an_assertion_works_once(composition: Composition, signer: RelyingParty, app: Flask) -> None:
    """RFC 7523 §3 jti: also when twenty come at once."""
    form = {"grant_type": "client_credentials", **_assertion(_claims(composition, signer))}
    statuses: list[int] = []
    start = threading.Barrier(20)

    def ask() -> None:
        with app.test_client(use_cookies=False) as client:
            start.wait()
            statuses.append(client.post("/token", data=form).status_code)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [401] * 19


def test_forged_assertions_are_refused(composition: Composition, signer: RelyingParty, http: FlaskClient) -> None:
    """RFC 8725 §3: none, HS256 with the public key, an embedded key, an unknown crit, another key."""
    claims = _claims(composition, signer)
    public_pem = KEY.public_key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    other = ECKey.generate_key("P-256", {"kid": "one"})
    payload = b64url(json.dumps(claims).encode())

    def raw(header: object) -> dict[str, str]:
        token = f"{b64url(json.dumps(header).encode())}.{payload}.AAAA"
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}

    by_hmac = f"{b64url(json.dumps({'alg': 'HS256', 'kid': 'one'}).encode())}.{payload}"
    mac = hmac.digest(public_pem, by_hmac.encode(), "sha256")
    forged = [
        raw({"alg": "none"}),
        raw({"alg": ["ES256"], "kid": "one"}),
        raw({"alg": "ES256", "kid": 5}),
        raw({"kid": "one"}),
        raw([]),
        raw("x"),
        {"client_assertion_type": ASSERTION_TYPE, "client_assertion": f"{by_hmac}.{b64url(mac)}"},
        _assertion(claims, other, "ES256", jwk=other.as_dict(private=False)),
        _assertion(claims, KEY, "ES256", jwk=KEY.as_dict(private=False)),
        _assertion(claims, other),
        raw({"alg": "ES256", "kid": "one", "crit": ["x"], "x": 1}),
        raw({"alg": "ES256", "kid": "one", "b64": False, "crit": ["b64"]}),
        raw({"alg": "ES256", "kid": "unknown"}),
        raw({"alg": "ES256", "kid": "one", "pad": "x" * 4500}),
    ]
    for form in forged:
        _require_refused(composition, _ask(http, **form))
    assert _ask(http, **_assertion(claims)).status_code == 200


def _from(network: str) -> dict[str, str]:
    return {"REMOTE_ADDR": network}


def test_a_network_that_fails_too_often_as_a_client_is_asked_to_wait(
    composition: Composition, service: RelyingParty, http: FlaskClient
) -> None:
    """RFC 6749 §2.3.1, RFC 6585 §4: 429 with the wait, before anything is verified or written."""
    form, wrong = {"grant_type": "client_credentials"}, service.basic("wrong")

    def ask(headers: dict[str, str], network: str, path: str = "/token") -> TestResponse:
        return http.post(path, data=form, headers=headers, environ_base=_from(network))

    assert {ask(wrong, "203.0.113.1").status_code for _ in range(30)} == {401}
    refused = ask(wrong, "203.0.113.1")
    assert refused.status_code == 429
    assert refused.get_json()["error"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert ask(wrong, "203.0.113.1", "/introspect").status_code == 429
    assert len(events(composition, "idp:client:authenticated")) == 30
    # Right credentials from elsewhere are served, and so are other clients of the same network.
    assert ask(service.basic(), "203.0.113.2").status_code == 200
    other = register(composition, **_service(client_name="Other"))
    assert ask(other.basic(), "203.0.113.1").status_code == 200


def test_success_is_never_counted(service: RelyingParty, http: FlaskClient) -> None:
    """A busy service is no attacker."""
    assert {_ask(http, service.basic()).status_code for _ in range(40)} == {200}


def test_made_up_names_share_one_count(composition: Composition, service: RelyingParty, http: FlaskClient) -> None:
    """Whoever invents a new name for each try is asked to wait; those who are registered are not."""
    statuses = [_ask(http, client_id=f"made-up-{number}", client_secret="x").status_code for number in range(61)]
    assert statuses == [401] * 60 + [429]
    assert _ask(http, service.basic()).status_code == 200
    assert _ask(http, service.basic("wrong")).status_code == 401


_TEXT = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=80)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(authorization=st.one_of(st.none(), _TEXT, _TEXT.map(lambda text: f"Basic {text}")), assertion=_TEXT)
def test_no_credential_makes_it_fail(app: Flask, http: FlaskClient, authorization: str | None, assertion: str) -> None:
    """Whatever is presented: invalid_client, never a fault."""
    web_state(app).limits.enabled = False
    headers = {} if authorization is None else {"Authorization": authorization}
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion} if assertion else {}
    assert _ask(http, headers, **form).status_code in (400, 401)


def test_an_application_that_was_closed_is_nobody_anywhere(
    composition: Composition, service: RelyingParty, http: FlaskClient
) -> None:
    """With its right secret, at every endpoint that asks for one: it learns nothing of a token either."""
    with composition.database.transaction() as session:
        disable_client(session, journal=composition.journal, client_id=service.client_id, now=composition.clock.now())
    paths = {"token": {"grant_type": "client_credentials"}, "introspect": {"token": "x"}, "revoke": {"token": "x"}}
    for path, form in (paths | {"par": {"scope": "openid"}, "device_authorization": {"scope": "openid"}}).items():
        answer = http.post(f"/{path}", data=form, headers=service.basic())
        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client"), path
    refused = events(composition, "idp:client:authenticated")
    assert refused == [("refused", "client_disabled", service.client_id)] * 5
