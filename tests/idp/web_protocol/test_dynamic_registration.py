"""Applications register themselves and manage their registration."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from audit.model import AuditEvent
from ca.ceremony.hierarchy import create_hierarchy
from ca.revocation.revoke import revoke_certificate
from ca.serial import serial_text
from composition import Composition
from idp.clients.change import replace_registration
from idp.clients.client import find_client
from idp.clients.dynamic.initial_access import issue_initial_access_token, revoke_initial_access
from idp.clients.register import disable_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.document import registration_document
from idp.directory.institutions import add_institution
from kernel.clock import ManualClock
from kernel.settings import Settings
from outgoing.answer import Answer
from tests.ca.csr import ec_key, make_csr
from tests.idp.relying_party import RelyingParty, Visitor, change, events, register
from tests.idp.web_protocol.test_client_keys import by_certificate, on_mtls_host

METADATA: dict[str, Any] = {"client_name": "Portal", "redirect_uris": ["https://portal.example/cb"]}
RUC = "1768152560001"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a mutual-TLS host behind a proxy on this machine."""
    return on_mtls_host(settings)


def _token(composition: Composition, *, policy: str = "web", institution_id: str | None = None, **limits: Any) -> str:
    with composition.database.transaction() as session:
        _, token = issue_initial_access_token(
            session,
            journal=composition.journal,
            policy=policy,
            institution_id=institution_id,
            now=composition.clock.now(),
            **limits,
        )
    return token.reveal()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _register(http: FlaskClient, token: str, **metadata: Any) -> TestResponse:
    return http.post("/register", json=METADATA | metadata, headers=_bearer(token))


def _manage(http: FlaskClient, registered: Mapping[str, Any], method: str = "GET", **more: Any) -> TestResponse:
    path = registered["registration_client_uri"].removeprefix("http://localhost:8000")
    return http.open(path, method=method, headers=_bearer(registered["registration_access_token"]), **more)


def _put(http: FlaskClient, registered: Mapping[str, Any], **change: Any) -> TestResponse:
    ours = ("registration_access_token", "registration_client_uri", "client_id_issued_at", "client_secret_expires_at")
    body = {name: value for name, value in registered.items() if name not in ours} | change
    return _manage(http, registered, "PUT", json={name: value for name, value in body.items() if value is not None})


def test_an_application_registers_itself_and_works(
    composition: Composition, app: Flask, http: FlaskClient, visitor: Visitor
) -> None:
    """RFC 7591 §3.2.1: the answer holds all that is registered, with what was filled in; then people log in."""
    response = _register(http, _token(composition), grant_types=["authorization_code", "refresh_token"], unknown="x")
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in response.headers
    document = response.get_json()
    assert document["token_endpoint_auth_method"] == "client_secret_basic"
    assert document["response_types"] == ["code"]
    assert document["scope"] == "openid cedula profile email offline_access"
    assert document["client_secret_expires_at"] == 0
    assert "unknown" not in document
    party = RelyingParty(composition, document["client_id"], document["client_secret"])
    assert party.exchange(http, visitor.authorize(party)).status_code == 200
    again = _manage(http, document).get_json()
    assert "client_secret" not in again  # a digest is all that is left of it
    assert {name: document[name] for name in again} == again
    with composition.database.reading() as session:
        leaves = b"".join(session.scalars(select(AuditEvent.leaf)))
    for secret in ("client_secret", "registration_access_token"):
        assert document[secret].encode() not in leaves


def test_registration_is_never_open(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """RFC 7591 §3: no token, a wrong, used, expired or revoked one, or one in the query."""
    assert http.post("/register", json=METADATA).status_code == 401
    assert _register(http, "made up").status_code == 401
    assert http.post("/register?access_token=x", json=METADATA).status_code == 400
    once = _token(composition)
    assert _register(http, once).status_code == 201
    refused = _register(http, once)
    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_token")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    old = _token(composition, lifetime=timedelta(hours=1))
    _advance(composition, timedelta(hours=1))
    assert _register(http, old).status_code == 401
    with composition.database.transaction() as session:
        now = composition.clock.now()
        access, token = issue_initial_access_token(
            session, journal=composition.journal, policy="web", institution_id=None, now=now
        )
        revoke_initial_access(session, journal=composition.journal, access_id=access.id, now=now)
    assert _register(http, token.reveal()).status_code == 401
    reasons = [reason for _, reason, _ in events(composition, "idp:client:registration_refused")]
    assert reasons == ["unknown_initial_access_token", *["spent_initial_access_token"] * 3]


def test_a_token_for_one_use_registers_one_application(composition: Composition, app: Flask) -> None:
    """Of eight at once one wins, and the others leave nothing behind."""
    token, statuses, start = _token(composition), list[int](), threading.Barrier(8)

    def register() -> None:
        with app.test_client(use_cookies=False) as client:
            start.wait()
            statuses.append(_register(client, token).status_code)

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [401] * 7
    assert len(events(composition, "idp:client:registered")) == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"redirect_uris": ["http://portal.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://portal.example/cb#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://[::1/"], "client_name": None}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_client_metadata"),
        ({"policy": "classic"}, "invalid_client_metadata"),
        ({"resource": "https://api.example"}, "invalid_client_metadata"),
        ({"resources": ["https://api.example"]}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "in_process"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"response_types": ["id_token"]}, "invalid_client_metadata"),
        ({"scope": 5}, "invalid_client_metadata"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}}, "invalid_client_metadata"),
        ({"logo_uri": "javascript:alert(1)"}, "invalid_client_metadata"),
        ({"software_statement": "a.b.c"}, "unapproved_software_statement"),
        ({"csr": "x"}, "invalid_client_metadata"),
        ({"csr": "x", "token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"),
    ],
)
def test_what_cannot_be_registered_is_refused_on_record(
    composition: Composition, app: Flask, http: FlaskClient, change: dict[str, Any], error: str
) -> None:
    """RFC 7591 §3.2.2; the token is not used up by it."""
    token = _token(composition)
    response = _register(http, token, **change)
    assert (response.status_code, response.get_json()["error"]) == (400, error)
    assert response.get_json()["error_description"]
    assert len(events(composition, "idp:client:registration_refused")) == 1
    assert _register(http, token).status_code == 201


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"[" * 50_000, b"\xff"])
def test_what_is_no_object_is_refused(composition: Composition, app: Flask, http: FlaskClient, body: bytes) -> None:
    """RFC 7591 §3.1."""
    headers = {**_bearer(_token(composition)), "Content-Type": "application/json"}
    response = http.post("/register", data=body, headers=headers)
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_client_metadata")


def test_the_token_bounds_what_is_registered(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """RFC 7591 §3.2.1: the server says what it made of the request; scopes beyond the token's are cut."""
    token = _token(composition, scopes=("profile",), uses=3)
    cut = _register(http, token, scope="openid profile email", grant_types=["authorization_code", "refresh_token"])
    assert cut.get_json()["scope"] == "openid profile"
    assert cut.get_json()["grant_types"] == ["authorization_code"]
    nameless = http.post(
        "/register", json={"redirect_uris": ["https://portal.example/cb"]}, headers=_bearer(token)
    ).get_json()
    assert nameless["client_name"] == "portal.example"
    service = _token(composition, policy="service", scopes=("tramites:leer",), resources=("https://api.example/",))
    document = _register(http, service, redirect_uris=[], grant_types=["client_credentials"]).get_json()
    assert (document["scope"], document["resources"]) == ("tramites:leer", ["https://api.example/"])


def test_a_policy_of_high_risk_wants_keys(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """FAPI 2.0 Security Profile §5.3.2.1: no secret is ever made."""
    token = _token(composition, policy="fapi2", uses=2)
    assert _register(http, token).get_json()["error"] == "invalid_client_metadata"
    jwks = {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}
    document = _register(http, token, jwks=jwks).get_json()
    assert document["token_endpoint_auth_method"] == "private_key_jwt"
    assert "client_secret" not in document


def test_a_registration_is_replaced_and_its_token_with_it(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """RFC 7592 §2.2: what is left out is gone; the old token is dead; the record says before and after."""
    first = _register(http, _token(composition), client_uri="https://portal.example/").get_json()
    response = _put(http, first, client_uri=None, client_name="Portal nuevo")
    second = response.get_json()
    assert response.status_code == 200
    assert (second["client_name"], "client_uri" in second) == ("Portal nuevo", False)
    assert second["client_secret"] == first["client_secret"]
    assert second["registration_access_token"] != first["registration_access_token"]
    assert _manage(http, first).status_code == 401
    assert _put(http, first).status_code == 401
    assert _manage(http, second).status_code == 200
    assert RelyingParty(composition, first["client_id"], first["client_secret"]).exchange(http, "x").status_code == 400
    with composition.database.reading() as session:
        updated = session.scalars(select(AuditEvent).where(AuditEvent.type == "idp:client:updated")).one()
    details = json.loads(updated.leaf)["details"]
    assert details == {"client_name": ["Portal", "Portal nuevo"], "client_uri": ["https://portal.example/", "null"]}


def test_a_change_of_method_changes_the_credentials(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """RFC 7592 §2.2: secrets of the method before end; a method with a secret gets a new one."""
    jwks = {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}
    first = _register(http, _token(composition)).get_json()
    keyed = _put(http, first, token_endpoint_auth_method="private_key_jwt", jwks=jwks, client_secret=None).get_json()
    assert "client_secret" not in keyed
    again = _put(http, keyed, token_endpoint_auth_method="client_secret_jwt", jwks=None).get_json()
    assert again["client_secret"] not in (None, first["client_secret"])


def test_a_further_secret_is_made_while_the_first_still_works(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """OpenID Provider, surface: two secrets side by side, by the application itself."""
    first = _register(http, _token(composition)).get_json()
    path = f"/register/{first['client_id']}/secret"
    assert http.post(path).status_code == 401
    renewed = http.post(path, headers=_bearer(first["registration_access_token"])).get_json()
    assert renewed["client_secret"] != first["client_secret"]
    for secret, status in ((first["client_secret"], 400), (renewed["client_secret"], 400), ("wrong", 401)):
        assert RelyingParty(composition, first["client_id"], secret).exchange(http, "x").status_code == status
    public = _register(http, _token(composition, policy="public")).get_json()
    refused = http.post(f"/register/{public['client_id']}/secret", headers=_bearer(public["registration_access_token"]))
    assert (refused.status_code, public["token_endpoint_auth_method"]) == (400, "none")


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"client_secret": "chosen"},
        {"registration_access_token": "x"},
        {"client_id_issued_at": 1},
        {"redirect_uris": []},
        {"policy": "classic"},
        {"scope": 7},
    ],
)
def test_a_change_that_may_not_be_is_refused_and_changes_nothing(
    composition: Composition, app: Flask, http: FlaskClient, change: dict[str, Any]
) -> None:
    """RFC 7592 §2.2."""
    document = _register(http, _token(composition)).get_json()
    assert _put(http, document, **change).status_code == 400
    assert events(composition, "idp:client:registration_refused")[0][2] == document["client_id"]
    assert _manage(http, document).status_code == 200


def test_a_deleted_application_is_gone(
    composition: Composition, app: Flask, http: FlaskClient, visitor: Visitor
) -> None:
    """RFC 7592 §2.3: its credentials, its registration and what people gave it end."""
    document = _register(http, _token(composition), grant_types=["authorization_code", "refresh_token"]).get_json()
    party = RelyingParty(composition, document["client_id"], document["client_secret"])
    tokens = party.exchange(http, visitor.authorize(party, scope="openid offline_access")).get_json()
    assert _manage(http, document, "DELETE").status_code == 204
    for method in ("GET", "PUT", "DELETE"):
        assert _manage(http, document, method, json={}).status_code == 401
    assert party.refresh(http, tokens["refresh_token"]).status_code == 401
    userinfo = http.get("/userinfo", headers=_bearer(tokens["access_token"]))
    assert userinfo.status_code == 401
    assert visitor.http.get(party.authorization_url()).status_code == 400
    assert events(composition, "idp:client:deleted") == [("success", None, document["client_id"])]


def test_a_closed_application_does_not_open_its_registration(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """RFC 7592 §2.1: 401, as for one that never was."""
    document = _register(http, _token(composition)).get_json()
    with composition.database.transaction() as session:
        now = composition.clock.now()
        disable_client(session, journal=composition.journal, client_id=document["client_id"], now=now)
    assert _manage(http, document).status_code == 401
    assert _manage(http, {**document, "registration_access_token": "x"}).status_code == 401
    assert http.get("/register/nobody", headers=_bearer("x")).status_code == 401
    assert http.get("/register/nobody").status_code == 401


def test_a_certificate_comes_with_the_registration_and_opens_the_door_until_it_is_revoked(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """RFC 8705 §2.1: from a CSR to ``tls_client_auth`` in one request; revoked, it authenticates nobody any more."""
    create_hierarchy(composition.ca, now=composition.clock.now())
    with composition.database.transaction() as session:
        institution = add_institution(
            session,
            journal=composition.journal,
            ruc=RUC,
            name="Ministerio de Pruebas",
            domains=["pruebas.gob.ec"],
            now=composition.clock.now(),
        )
    token = _token(
        composition,
        policy="service",
        institution_id=institution.id,
        scopes=("tramites:leer",),
        resources=("https://api.example/",),
        uses=2,
    )
    service = {"redirect_uris": [], "grant_types": ["client_credentials"]}
    csr = make_csr(ec_key(), dns=())
    response = _register(http, token, csr=csr, **service)
    document = response.get_json()
    assert response.status_code == 201, document
    assert document["token_endpoint_auth_method"] == "tls_client_auth"
    first, *_ = chain = x509.load_pem_x509_certificates(document["client_certificate_chain"].encode())
    assert len(chain) == 2
    assert document["tls_client_auth_subject_dn"] == first.subject.rfc4514_string()
    certificate_der = first.public_bytes(Encoding.DER)
    named = {"client_id": document["client_id"]}
    assert by_certificate(http, certificate_der, **named).status_code == 200
    assert _manage(http, document).get_json()["client_certificate_chain"] == document["client_certificate_chain"]
    other = _register(http, token, csr=make_csr(ec_key(), dns=()), **service).get_json()
    # Both institutions' applications may have one name in their certificates: each serves its own alone.
    assert by_certificate(http, certificate_der, client_id=other["client_id"]).status_code == 401
    renewed = _put(http, document, csr=make_csr(ec_key(), dns=()), client_certificate_chain=None).get_json()
    second = x509.load_pem_x509_certificates(renewed["client_certificate_chain"].encode())[0]
    for each in (first, second):
        assert by_certificate(http, each.public_bytes(Encoding.DER), **named).status_code == 200
    with composition.database.transaction() as session:
        revoke_certificate(
            session,
            services=composition.ca,
            serial=serial_text(first.serial_number),
            reason="superseded",
            actor="ana",
            now=composition.clock.now(),
        )
    assert by_certificate(http, certificate_der, **named).status_code == 401
    assert events(composition, "idp:client:authenticated")[-1] == (
        "refused",
        "certificate_revoked",
        document["client_id"],
    )
    assert by_certificate(http, second.public_bytes(Encoding.DER), **named).status_code == 200


def test_a_sector_lists_all_redirect_uris(
    composition: Composition, app: Flask, http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dynamic Client Registration §5: fetched before anything is registered, outside any transaction."""
    listed: list[object] = []
    monkeypatch.setattr(composition.outgoing, "fetch", lambda url, **_: Answer(200, {}, json.dumps(listed).encode()))
    token = _token(composition)
    refused = _register(http, token, sector_identifier_uri="https://portal.example/sector")
    assert refused.get_json()["error"] == "invalid_client_metadata"
    listed += [7, *METADATA["redirect_uris"]]
    assert _register(http, token, sector_identifier_uri="https://portal.example/sector").status_code == 201


def test_guessing_is_slowed_down(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """RFC 6585 §4."""
    statuses = [_register(http, "made up").status_code for _ in range(61)]
    assert statuses == [401] * 60 + [429]


def test_the_registration_answered_is_what_the_rules_see(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """A registration read back and registered again is the same."""
    document = _register(http, _token(composition), contacts=["ti@portal.example"], default_max_age=60).get_json()
    with composition.database.reading() as session:
        client = find_client(session, document["client_id"])
    assert client.metadata.default_max_age == 60
    same = _put(http, document).get_json()
    volatile = ("registration_access_token",)
    assert {k: v for k, v in same.items() if k not in volatile} == {
        k: v for k, v in document.items() if k not in volatile
    }
    assert events(composition, "idp:client:updated") == []


def _advance(composition: Composition, duration: timedelta) -> None:
    assert isinstance(composition.clock, ManualClock)
    composition.clock.advance(duration)


def test_a_change_does_not_undo_the_administrators_policy(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """RFC 7592 §2.2: the server keeps what it decides; whoever holds the token does not lower the rules."""
    registered = _register(http, _token(composition)).get_json()
    change(composition, RelyingParty(composition, registered["client_id"], ""), policy="fapi2")
    answer = _put(http, registered, policy=None)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_client_metadata")
    with composition.database.reading() as session:
        assert find_client(session, registered["client_id"]).policy.name == "fapi2"


def test_a_change_does_not_undo_what_an_administrator_took_away_or_gave(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """RFC 7592 §2.2: scopes and APIs end where the administrator's last word ends, not at the initial token."""
    register(composition, client_name="API", resource="https://api.example/a")
    token = _token(composition, scopes=("cedula", "profile"), resources=("https://api.example/a",))
    registered = _register(http, token, resources=["https://api.example/a"]).get_json()
    _administer(composition, registered["client_id"], scope="openid email", resources=[])
    answer = _put(http, registered, resources=None)
    assert (answer.status_code, answer.get_json()["scope"]) == (200, "openid")
    wider = _put(http, answer.get_json(), scope="openid cedula email profile", resources=None)
    assert (wider.status_code, wider.get_json()["scope"]) == (200, "openid email")
    again = _put(http, wider.get_json(), resources=["https://api.example/a"])
    assert (again.status_code, again.get_json()["error"]) == (400, "invalid_client_metadata")


def _administer(composition: Composition, client_id: str, **metadata: Any) -> None:
    with composition.database.transaction() as session:
        document = registration_document(find_client(session, client_id))
        replace_registration(
            session,
            journal=composition.journal,
            client_id=client_id,
            registration=ClientRegistration.parse(document | metadata),
            actor="command:ana",
            now=composition.clock.now(),
        )
