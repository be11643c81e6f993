"""Pushed authorization requests (RFC 9126), and what FAPI 2.0 makes of them."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from kernel.clock import ManualClock
from tests.idp.dpop import Holder
from tests.idp.fapi import ISSUER, KeyedParty, register_keyed
from tests.idp.relying_party import REDIRECT_URI, RelyingParty, Visitor, add_visitor, answer_of, change, events


@pytest.fixture
def keyed(composition: Composition, app: Flask) -> KeyedParty:
    """An application that may push and need not."""
    return register_keyed(composition)


@pytest.fixture
def fapi(composition: Composition, app: Flask) -> KeyedParty:
    """An application by FAPI 2.0."""
    return register_keyed(composition, policy="fapi2")


def _through(visitor: Visitor, url: str) -> dict[str, str]:
    location = visitor.http.get(url).headers["Location"]
    return answer_of(visitor.decide(visitor.http.get(location)))


def test_a_pushed_request_is_answered_like_one_in_the_address(
    composition: Composition, keyed: KeyedParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 9126 §2.2, §4: 201, not cached; then client_id and request_uri are all that the browser brings."""
    pushed = keyed.push(http)
    assert pushed.status_code == 201
    assert pushed.headers["Cache-Control"] == "no-store"
    document = pushed.get_json()
    assert set(document) == {"request_uri", "expires_in"}
    assert document["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert 0 < document["expires_in"] < 600
    answer = _through(visitor, keyed.reference(document["request_uri"]))
    assert answer["state"] == "a state & more"
    assert answer["iss"] == ISSUER
    assert keyed.exchange(http, answer["code"], {}, **keyed.assertion()).status_code == 200
    assert events(composition, "idp:authorization:pushed") == [("success", None, keyed.client_id)]


def test_a_reference_is_bound_to_its_client_expires_and_works_once(
    composition: Composition, keyed: KeyedParty, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """OpenID Provider, rule 10; RFC 9126 §2.2, §7.3: each time a page, for there is no verified address."""
    other = register_keyed(composition)
    request_uri = keyed.push(http).get_json()["request_uri"]
    for url in (other.reference(request_uri), keyed.reference(request_uri + "x"), keyed.reference(request_uri[:-1])):
        refused = visitor.http.get(url)
        assert refused.status_code == 400
        assert "Location" not in refused.headers
    assert "code" in _through(visitor, keyed.reference(request_uri))
    assert visitor.http.get(keyed.reference(request_uri)).status_code == 400
    second = keyed.pushed_url(http)
    clock.advance(timedelta(seconds=91))
    assert visitor.http.get(second).status_code == 400
    assert {reason for _, reason, _ in events(composition, "idp:authorization:refused")} == {"invalid_request_uri"}


def test_a_reference_survives_a_reload_before_the_login_is_done(
    composition: Composition, keyed: KeyedParty, app: Flask, http: FlaskClient
) -> None:
    """OpenID Provider, rule 10; FAPI 2.0 §5.3.2.2 note 3: what uses it up is the answer, not a look at a page."""
    visitor = add_visitor(composition, app)
    url = keyed.pushed_url(http)
    first = visitor.http.get(url).headers["Location"]
    second = visitor.http.get(url).headers["Location"]
    assert first.startswith("/login/")
    assert second.startswith("/login/")
    visitor.log_in()
    assert "code" in answer_of(visitor.decide(visitor.http.get(second.replace("/login/", "/authorize/resume/"))))
    # The other tab finds out that the application has its answer.
    late = visitor.http.get(first.replace("/login/", "/authorize/resume/"))
    assert late.status_code == 400
    assert "Location" not in late.headers


def test_a_second_press_is_answered_although_the_reference_is_used(
    keyed: KeyedParty, visitor: Visitor, http: FlaskClient
) -> None:
    """The same decision of the same person: not a second use."""
    page = visitor.http.get(visitor.http.get(keyed.pushed_url(http)).headers["Location"])
    first, second = answer_of(visitor.decide(page)), answer_of(visitor.decide(page))
    assert first["code"] != second["code"]
    assert keyed.exchange(http, second["code"], {}, **keyed.assertion()).status_code == 200


def test_a_silent_answer_and_a_refusal_use_the_reference_up_too(
    keyed: KeyedParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 9126 §4."""
    visitor.authorize(keyed)
    url = keyed.pushed_url(http)
    assert "code" in answer_of(visitor.http.get(url))
    assert visitor.http.get(url).status_code == 400
    url = keyed.pushed_url(http, prompt="consent")
    page = visitor.http.get(visitor.http.get(url).headers["Location"])
    assert answer_of(visitor.decide(page, "deny"))["error"] == "access_denied"
    assert visitor.http.get(url).status_code == 400


def test_of_many_browsers_windows_at_once_one_gets_the_answer(
    keyed: KeyedParty, visitor: Visitor, app: Flask, http: FlaskClient
) -> None:
    """OpenID Provider, rule 10: single use, also where the person is not asked anything."""
    visitor.authorize(keyed)
    url, cookie = keyed.pushed_url(http), visitor.http.get_cookie("sau_session")
    assert cookie is not None
    answers: list[int] = []
    start = threading.Barrier(6)

    def visit() -> None:
        with app.test_client(use_cookies=False) as tab:
            start.wait()
            answers.append(tab.get(url, headers={"Cookie": f"sau_session={cookie.value}"}).status_code)

    threads = [threading.Thread(target=visit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 400, 400, 400, 400, 400]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unauthorized_client"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"request_uri": "https://portal.example/r"}, "invalid_request"),
        ({"request": "e30.e30."}, "invalid_request_object"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"id_token_hint": "x.y.z"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"client_id": "another"}, "invalid_client"),
    ],
)
def test_errors_are_told_to_the_client_itself_as_json(
    composition: Composition, keyed: KeyedParty, http: FlaskClient, changes: dict[str, str | None], error: str
) -> None:
    """RFC 9126 §2.3: checked as the authorization endpoint would, and on record."""
    refused = keyed.push(http, **changes)
    assert refused.status_code == (401 if error == "invalid_client" else 400)
    assert refused.get_json()["error"] == error
    if error != "invalid_client":
        assert len(events(composition, "idp:authorization:refused")) == 1


def test_only_a_form_by_post_and_only_an_authenticated_client(
    keyed: KeyedParty, party: RelyingParty, http: FlaskClient
) -> None:
    """RFC 9126 §2.1, §2.3."""
    assert http.get("/par").status_code == 405
    assert http.put("/par").status_code == 405
    assert http.post("/par", json=keyed.parameters() | keyed.assertion()).status_code == 400
    assert http.post("/par", data=keyed.parameters()).get_json()["error"] == "invalid_client"
    assert http.post("/par", data=party.parameters(), headers=party.basic("wrong")).status_code == 401
    assert http.post("/par", data=party.parameters(), headers=party.basic()).status_code == 201
    twice = [*party.parameters().items(), ("scope", "openid")]
    body = "&".join(f"{name}={value.replace(' ', '+').replace('&', '%26')}" for name, value in twice)
    headers = party.basic() | {"Content-Type": "application/x-www-form-urlencoded"}
    assert http.post("/par", data=body, headers=headers).get_json()["error"] == "invalid_request"


def test_what_comes_beside_the_reference_counts_for_nothing_and_may_not_differ(
    keyed: KeyedParty, visitor: Visitor, http: FlaskClient
) -> None:
    """FAPI 2.0 §5.3.2.2, RFC 9101 §6.3: ignored when it is new, refused when it contradicts, by the pushed address."""
    visitor.authorize(keyed)
    url = keyed.pushed_url(http, state=None)
    assert "state" not in answer_of(visitor.http.get(f"{url}&state=outside&prompt=login&response_mode=form_post"))
    for more in ("state=other", "nonce=other", "scope=openid", "redirect_uri=https://portal.example/cb?tenant=1"):
        response = visitor.http.get(f"{keyed.pushed_url(http)}&{more}")
        assert response.headers["Location"].startswith(f"{REDIRECT_URI}?")
        answer = answer_of(response)
        assert (answer["error"], answer["state"]) == ("invalid_request", "a state & more")
    same = keyed.parameters()
    url = f"{keyed.pushed_url(http)}&scope={same['scope'].replace(' ', '+')}&nonce={same['nonce']}"
    assert "code" in answer_of(visitor.http.get(url))


@pytest.mark.parametrize("required_by", ["policy", "registration"])
def test_who_must_push_gets_no_answer_otherwise(
    composition: Composition, visitor: Visitor, app: Flask, http: FlaskClient, required_by: str
) -> None:
    """OpenID Provider, rule 11; RFC 9126 §5, §6: no request outside PAR."""
    party = register_keyed(composition)
    if required_by == "policy":
        change(composition, party, policy="fapi2")
    else:
        change(composition, party, require_pushed_authorization_requests=True)
    refused = answer_of(visitor.http.get(party.authorization_url()))
    assert (refused["error"], refused["iss"]) == ("invalid_request", ISSUER)
    assert "code" in _through(visitor, party.pushed_url(http))


def test_fapi_answers_with_303_iss_and_a_code_of_sixty_seconds(
    fapi: KeyedParty, composition: Composition, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """OpenID Provider, rules 4, 5, 11; FAPI 2.0 §5.3.2.2."""
    page = visitor.http.get(visitor.http.get(fapi.pushed_url(http, state=None, nonce=None)).headers["Location"])
    response = visitor.decide(page)
    assert response.status_code == 303
    assert answer_of(response)["iss"] == ISSUER
    assert "state" not in answer_of(response)
    clock.advance(timedelta(seconds=61))
    late = fapi.exchange(http, answer_of(response)["code"], Holder(composition).headers(), **fapi.assertion())
    assert late.status_code in (400, 401)


@pytest.mark.parametrize("response_type", ["token", "code id_token", "id_token", "code token"])
def test_fapi_knows_the_code_alone(fapi: KeyedParty, http: FlaskClient, response_type: str) -> None:
    """FAPI 2.0 §5.3.2.2."""
    refused = fapi.push(http, response_type=response_type).get_json()
    assert refused["error"] in ("unsupported_response_type", "unauthorized_client")


def test_a_key_named_or_proven_at_the_push_binds_the_code(
    composition: Composition, keyed: KeyedParty, visitor: Visitor, http: FlaskClient
) -> None:
    """OpenID Provider, rule 11; RFC 9449 §10, §10.1: both, if both come, name the same key."""
    holder, other = Holder(composition), Holder(composition)
    for headers, jkt in ((holder.headers("/par"), None), ({}, holder.jkt), (holder.headers("/par"), holder.jkt)):
        pushed = keyed.push(http, headers, dpop_jkt=jkt)
        assert pushed.status_code == 201, pushed.get_json()
        response = visitor.http.get(keyed.reference(pushed.get_json()["request_uri"]))
        if response.headers["Location"].startswith("/"):
            response = visitor.decide(visitor.http.get(response.headers["Location"]))
        code = answer_of(response)["code"]
        for wrong in ({}, other.headers()):
            refused = keyed.exchange(http, code, wrong, **keyed.assertion())
            assert refused.get_json()["error"] == "invalid_grant"
        assert keyed.exchange(http, code, holder.headers(), **keyed.assertion()).status_code == 200
    refused = keyed.push(http, holder.headers("/par"), dpop_jkt=other.jkt)
    assert refused.get_json()["error"] == "invalid_request"
    assert keyed.push(http, holder.headers("/token")).get_json()["error"] == "invalid_dpop_proof"


def test_the_parameter_binds_the_code_without_a_push_too(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 9449 §10."""
    holder = Holder(composition)
    code = visitor.authorize(party, dpop_jkt=holder.jkt)
    assert party.exchange(http, code).get_json()["error"] == "invalid_grant"
    assert party.exchange(http, code, party.basic() | holder.headers()).status_code == 200
    assert answer_of(visitor.http.get(party.authorization_url(dpop_jkt="x")))["error"] == "invalid_request"
