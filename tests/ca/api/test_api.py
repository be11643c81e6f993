"""The API for systems of institutions: their own certificates, by their own tokens."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from cryptography import x509
from flask import Flask
from sqlalchemy import select

from audit.model import AuditEvent
from ca.api.description import api_description
from ca.requests.decide import approve_request
from ca.requests.view import find_request
from composition import Composition
from idp.clients.model import ClientRow
from kernel.clock import ManualClock
from tests.ca.api.conftest import System
from tests.ca.csr import SERVER, make_csr


def application(name: str = "Portal") -> str:
    """A request for an application's certificate."""
    return make_csr(common_name=name, dns=())


def test_a_system_asks_looks_fetches_and_revokes(system: System, composition: Composition) -> None:
    """The whole life of a certificate, and every step on record under the client's name."""
    asked = system.ask(application())
    assert asked.status_code == 201, asked.text
    serial = asked.get_json()["serial"]
    assert asked.headers["Location"] == f"/pki/api/v1/certificates/{serial}"
    leaf, _issuing = x509.load_pem_x509_certificates(asked.get_json()["chain"].encode())
    assert "Ministerio de Pruebas" in leaf.subject.rfc4514_string()

    found = system.call("GET", f"certificates/{serial}").get_json()
    assert (found["serial"], found["revoked_at"]) == (serial, None)
    chain = system.call("GET", f"certificates/{serial}/chain")
    assert chain.mimetype == "application/pem-certificate-chain"
    assert x509.load_pem_x509_certificates(chain.data)[0] == leaf
    assert system.call("GET", f"requests/{asked.get_json()['request']}").get_json()["status"] == "issued"

    held = system.call("POST", f"certificates/{serial}/hold")
    assert held.get_json()["revocation_reason"] == "certificateHold"
    assert system.call("POST", f"certificates/{serial}/release").get_json()["revoked_at"] is None
    revoked = system.call("POST", f"certificates/{serial}/revocation", json={"reason": "superseded"})
    assert revoked.get_json()["revocation_reason"] == "superseded"
    again = system.call("POST", f"certificates/{serial}/revocation", json={"reason": "superseded"})
    assert (again.status_code, again.get_json()["code"]) == (409, "already_revoked")
    with composition.database.reading() as session:
        actors = select(AuditEvent.type).where(AuditEvent.actor == f"api:{system.party.client_id}")
        assert {"ca:request:submitted", "ca:certificate:delivered", "ca:certificate:revoked"} <= set(
            session.scalars(actors)
        )


def test_an_institution_sees_and_touches_its_own_only(system: System, other: System) -> None:
    """Bound by the client's institution; another's is not there, and its names are not granted."""
    asked = system.ask(application()).get_json()
    for method, path, body in (
        ("GET", f"certificates/{asked['serial']}", None),
        ("GET", f"certificates/{asked['serial']}/chain", None),
        ("GET", f"requests/{asked['request']}", None),
        ("POST", f"certificates/{asked['serial']}/revocation", {"reason": "superseded"}),
    ):
        answer = other.call(method, path, json=body) if body else other.call(method, path)
        assert answer.status_code == 404, path
    assert other.call("GET", "certificates").get_json()["items"] == []
    assert other.call("GET", "requests").get_json()["items"] == []
    foreign = other.ask(make_csr(), "tls-server")
    assert (foreign.status_code, foreign.get_json()["code"]) == (400, "name_not_registered")


@pytest.mark.parametrize(
    ("case", "status", "code"),
    [
        ("no token", 401, "token_missing"),
        ("garbage", 401, "invalid_token"),
        ("expired", 401, "invalid_token"),
        ("other scope", 403, "insufficient_scope"),
        ("no institution", 401, "invalid_token"),
        ("disabled", 401, "invalid_token"),
    ],
)
def test_whoever_may_not_call_is_told_so_and_recorded(
    system: System, composition: Composition, clock: ManualClock, case: str, status: int, code: str
) -> None:
    """RFC 6750 §3, RFC 9457: a problem document, a challenge, and a record with the exact reason."""
    token = "x.y.z" if case == "garbage" else system.token("pki:read" if case == "other scope" else "pki:request")
    if case == "expired":
        clock.advance(timedelta(minutes=6))
    elif case in ("no institution", "disabled"):
        with composition.database.transaction() as session:
            row = session.get_one(ClientRow, system.party.client_id)
            row.institution_id = None if case == "no institution" else row.institution_id
            row.status = "disabled" if case == "disabled" else row.status
            row.version += 1
    headers = {} if case == "no token" else {"Authorization": f"Bearer {token}"}
    answer = system.http.post("/pki/api/v1/requests", json={"profile": "tls-client", "csr": "x"}, headers=headers)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.get_json()["code"] == code
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "Set-Cookie" not in answer.headers
    if case != "no token":
        with composition.database.reading() as session:
            kinds = list(session.scalars(select(AuditEvent.type).where(AuditEvent.outcome == "refused")))
        assert kinds == ["ca:enrolment:refused"]


def test_two_people_decide_what_the_profile_says(system: System, composition: Composition) -> None:
    """202 and a place to look; the same request again brings the certificate."""
    csr = make_csr()
    waiting = system.ask(csr, "tls-server")
    assert (waiting.status_code, waiting.get_json()["status"]) == (202, "submitted")
    request_id, now = waiting.get_json()["request"], composition.clock.now()
    with composition.database.transaction() as session:
        view = find_request(session, services=composition.ca, request_id=request_id)
        approve_request(
            session,
            services=composition.ca,
            request_id=request_id,
            approver="luis",
            tbs_sha256=view.tbs_sha256,
            now=now,
        )
    done = system.ask(csr, "tls-server")
    assert (done.status_code, done.get_json()["request"]) == (201, request_id)
    assert system.call("GET", f"certificates/{done.get_json()['serial']}").get_json()["names"] == [SERVER]


def test_a_key_stands_for_one_request(system: System) -> None:
    """Idempotency-Key: the same again is the same answer, something else is refused."""
    csr = application()
    first = system.ask(csr, **{"Idempotency-Key": "pedido-1"})
    again = system.ask(csr, **{"Idempotency-Key": "pedido-1"})
    assert first.get_json() == again.get_json()
    other = system.ask(application("Otro"), **{"Idempotency-Key": "pedido-1"})
    assert (other.status_code, other.get_json()["code"]) == (409, "idempotency_key_reused")
    assert system.ask(csr, **{"Idempotency-Key": "x" * 200}).get_json()["code"] == "bad_idempotency_key"


def test_lists_come_in_pages(system: System) -> None:
    """A cursor leads to the next page, each thing stands on one of them."""
    serials = {system.ask(application(f"Portal {number}")).get_json()["serial"] for number in range(3)}
    for kind, key in (("certificates", "serial"), ("requests", "serial")):
        seen, cursor = [], ""
        while True:
            page = system.call("GET", f"{kind}?limit=2&cursor={cursor}").get_json()
            seen += [item[key] for item in page["items"]]
            cursor = page["next_cursor"]
            if not cursor:
                break
        assert (len(seen), set(seen)) == (3, serials)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("no json", "bad_json"),
        ([], "bad_json"),
        ({"profile": "tls-client"}, "bad_json"),
        ({"profile": "tls-client", "csr": 5}, "bad_json"),
        ({"profile": "tls-client", "csr": "x", "institution": "1"}, "bad_json"),
        ({"profile": "tls-client", "csr": "x", "fields": {"a": 1}}, "bad_json"),
        ({"profile": "tls-client", "csr": "x"}, "csr_bad_pem"),
        ({"profile": "ocsp-responder", "csr": "x"}, "profile_not_requestable"),
        ({"profile": "person-authentication", "csr": "x"}, "profile_not_requestable"),
    ],
    ids=["text", "list", "missing", "number", "unknown", "fields", "csr", "internal", "personal"],
)
def test_what_cannot_be_read_is_refused_with_its_reason(system: System, body: object, code: str) -> None:
    """RFC 9457: status, code and a sentence; never a page."""
    more = {"data": "no json"} if body == "no json" else {"json": body}
    answer = system.call("POST", "requests", **more)
    assert (answer.status_code, answer.mimetype, answer.get_json()["code"]) == (400, "application/problem+json", code)


def test_the_description_names_each_route_and_no_other(system: System, app: Flask, composition: Composition) -> None:
    """OpenAPI: path by path, method by method, and the parameters that stand in paths."""
    served = system.http.get("/pki/api/v1/openapi.json").get_json()
    assert served == api_description(composition.settings.issuer)
    described = {
        (re.sub(r"{(\w+)}", r"<\1>", path), method.upper())
        for path, methods in served["paths"].items()
        for method in methods
    }
    routed = {
        (rule.rule.removeprefix("/pki/api/v1"), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/pki/api/v1/")
        for method in (rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}
    }
    assert described == routed


def test_answers_have_the_described_shape(system: System) -> None:
    """Each member of an answer is described, and each described one is there."""
    schemas = system.http.get("/pki/api/v1/openapi.json").get_json()["components"]["schemas"]
    asked = system.ask(application()).get_json()
    assert set(asked) == set(schemas["Submission"]["properties"])
    (request,) = system.call("GET", "requests").get_json()["items"]
    assert set(request) == set(schemas["Request"]["properties"])
    (certificate,) = system.call("GET", "certificates").get_json()["items"]
    assert set(certificate) == set(schemas["Certificate"]["properties"])
    for profile in system.call("GET", "profiles").get_json()["items"]:
        assert set(profile) == set(schemas["Profile"]["properties"])
    problem = system.call("GET", "certificates/abc").get_json()
    assert set(problem) == set(schemas["Problem"]["properties"])


def test_a_client_that_proves_its_key_gets_the_nonce_of_its_next_proof(system: System) -> None:
    """RFC 9449 §8.2, §9: with a refusal as with an answer; and it is told that the proof is what is wrong."""
    refused = system.call("GET", "profiles", token="x", headers={"DPoP": "x"})
    assert (refused.status_code, bool(refused.headers["DPoP-Nonce"])) == (401, True)
    answered = system.call("GET", "profiles", headers={"DPoP": "x"})
    assert answered.headers["DPoP-Nonce"]
    assert "DPoP-Nonce" not in system.call("GET", "profiles").headers
