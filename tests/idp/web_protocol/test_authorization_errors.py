"""Which errors redirect and which do not, and the rules of each parameter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from composition import Composition
from kernel.clock import ManualClock
from tests.idp.relying_party import RelyingParty, Visitor, add_visitor, answer_of, at, events, register


@pytest.mark.parametrize(
    "uri",
    [
        "https://portal.example/cb/",
        "https://portal.example/CB",
        "https://PORTAL.example/cb",
        "https://portal.example:443/cb",
        "http://portal.example/cb",
        "https://portal.example/cb#f",
        "https://portal.example/cb?x=1",
        "https://u@portal.example/cb",
        "https://portal.example/%63b",
        "https://portal.example/cb\\",
        "https://portal.example.evil.example/cb",
        "https://evil.example/cb",
        "javascript:alert(1)",
        "//portal.example/cb",
    ],
)
def test_a_redirect_uri_that_differs_at_all_gets_a_page_and_no_redirect(
    composition: Composition, party: RelyingParty, visitor: Visitor, uri: str
) -> None:
    """OpenID Provider, rule 1; RFC 9700 §2.1, §4.1: compared character by character; on record."""
    refused = visitor.http.get(party.authorization_url(redirect_uri=uri))
    assert refused.status_code == 400
    assert "Location" not in refused.headers
    assert f'href="{uri}' not in refused.get_data(as_text=True)
    assert events(composition, "idp:authorization:refused") == [("refused", "invalid_redirect_uri", party.client_id)]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "unknown"},
        {"client_id": "x" * 500},
        {"redirect_uri": None},
        {"client_id": "a\x00b"},
        {"state": "a\x00b"},
        {"state": "x" * 9000},
    ],
)
def test_until_client_and_address_are_verified_no_error_redirects(
    party: RelyingParty, visitor: Visitor, changes: dict[str, str | None]
) -> None:
    """OpenID Provider, rules 2, 15; RFC 6749 §4.1.2.1; oversized ones too."""
    refused = visitor.http.get(party.authorization_url(**changes))
    assert refused.status_code == 400
    assert "Location" not in refused.headers


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_repeated_client_or_address_does_not_redirect(party: RelyingParty, visitor: Visitor, name: str) -> None:
    """RFC 6749 §3.1: which of the two would it be?"""
    refused = visitor.http.get(f"{party.authorization_url()}&{name}=https://evil.example/")
    assert refused.status_code == 400
    assert "Location" not in refused.headers


@pytest.mark.parametrize("name", ["scope", "state", "nonce", "code_challenge", "response_type", "anything"])
def test_any_other_repeated_parameter_is_an_invalid_request(party: RelyingParty, visitor: Visitor, name: str) -> None:
    """OpenID Provider, rule 15; RFC 6749 §3.1."""
    url = f"{party.authorization_url()}&anything=1&{name}=other"
    answer = answer_of(visitor.http.get(url))
    assert answer["error"] == "invalid_request"
    assert answer["iss"] == "http://localhost:8000"
    assert ("state" in answer) is (name != "state")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unauthorized_client"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": 'openid "'}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "A" * 42 + "B"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"request": "x"}, "invalid_request_object"),
        ({"request_uri": "https://evil.example/"}, "invalid_request_uri"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"nonce": "x" * 501}, "invalid_request"),
        ({"id_token_hint": "x.y.z"}, "invalid_request"),
    ],
)
def test_each_rule_answers_the_application_with_its_error(
    composition: Composition,
    party: RelyingParty,
    visitor: Visitor,
    changes: dict[str, str | None],
    error: str,
) -> None:
    """OpenID Provider, rules 3, 5; OpenID Connect Core §3.1.2.6, RFC 9207: with state and iss, and on record."""
    answer = answer_of(visitor.http.get(party.authorization_url(**changes)))
    assert answer["error"] == error
    assert answer["state"] == "a state & more"
    assert answer["iss"] == "http://localhost:8000"
    assert events(composition, "idp:authorization:refused") == [("refused", error, party.client_id)]


def test_a_scope_that_the_client_was_not_given_is_refused_and_an_unknown_one_ignored(
    composition: Composition, visitor: Visitor
) -> None:
    """OpenID Connect Core §3.1.2.1."""
    narrow = register(composition, scope="openid profile", grant_types=["authorization_code"], optional_scope="")
    assert answer_of(visitor.http.get(narrow.authorization_url(scope="openid cedula")))["error"] == "invalid_scope"
    assert visitor.authorize(narrow, scope="openid phone_of_aunt")


def test_a_public_client_needs_pkce_too(composition: Composition, visitor: Visitor, http: FlaskClient) -> None:
    """RFC 9700 §2.1.1; with it, it redeems without a secret."""
    spa = register(composition, token_endpoint_auth_method="none")
    answer = answer_of(visitor.http.get(spa.authorization_url(code_challenge=None)))
    assert answer["error"] == "invalid_request"
    code = visitor.authorize(spa)
    assert spa.exchange(http, code, {}, client_id=spa.client_id, code_verifier=None).status_code == 400
    assert spa.exchange(http, code, {}, client_id=spa.client_id).status_code == 200


def test_only_the_port_of_a_native_loopback_address_may_vary(composition: Composition, visitor: Visitor) -> None:
    """RFC 8252 §7.3."""
    native = register(
        composition,
        application_type="native",
        redirect_uris=["http://127.0.0.1/cb"],
        token_endpoint_auth_method="none",
    )
    url = native.authorization_url(redirect_uri="http://127.0.0.1:51004/cb", prompt="none")
    assert answer_of(visitor.http.get(url))["error"] == "consent_required"
    for uri in ("http://127.0.0.1:51004/CB", "http://127.0.0.2:51004/cb", "http://127.0.0.1:99999/cb"):
        assert visitor.http.get(native.authorization_url(redirect_uri=uri)).status_code == 400


def test_prompt_none_never_shows_a_page(composition: Composition, party: RelyingParty, app: Flask) -> None:
    """OpenID Provider, rule 9: login_required, then consent_required, then a code."""
    visitor = add_visitor(composition, app)
    url = party.authorization_url(prompt="none")
    assert answer_of(visitor.http.get(url))["error"] == "login_required"
    visitor.log_in()
    assert answer_of(visitor.http.get(url))["error"] == "consent_required"
    visitor.authorize(party)
    assert "code" in answer_of(visitor.http.get(url))


def test_prompt_consent_asks_again(party: RelyingParty, visitor: Visitor) -> None:
    """OpenID Connect Core §3.1.2.1."""
    visitor.authorize(party)
    location = visitor.http.get(party.authorization_url(prompt="consent")).headers["Location"]
    assert location.startswith("/authorize/resume/")
    assert visitor.http.get(location).status_code == 200


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}])
def test_a_fresh_login_and_a_fresh_auth_time_are_forced(
    party: RelyingParty,
    visitor: Visitor,
    http: FlaskClient,
    clock: ManualClock,
    changes: dict[str, str | None],
) -> None:
    """OpenID Provider, rule 9: the old session does not pass, also not on the way back."""
    visitor.authorize(party)
    clock.advance(timedelta(seconds=5))
    location = visitor.http.get(party.authorization_url(**changes)).headers["Location"]
    assert location.startswith("/login/")
    resume = location.replace("/login/", "/authorize/resume/")
    assert visitor.http.get(resume).headers["Location"] == location
    visitor.log_in()
    code = answer_of(visitor.http.get(resume))["code"]
    tokens = party.exchange(http, code).get_json()
    assert party.claims(tokens["id_token"])["auth_time"] == at(clock.now())


def test_max_age_counts_from_the_login(party: RelyingParty, visitor: Visitor, clock: ManualClock) -> None:
    """OpenID Connect Core §3.1.2.1."""
    visitor.authorize(party)
    clock.advance(timedelta(seconds=100))
    assert "code" in answer_of(visitor.http.get(party.authorization_url(max_age="100", prompt="none")))
    assert (
        answer_of(visitor.http.get(party.authorization_url(max_age="99", prompt="none")))["error"] == "login_required"
    )


def test_a_weaker_login_than_asked_is_stepped_up_and_never_lowered(
    composition: Composition, party: RelyingParty, app: Flask, http: FlaskClient
) -> None:
    """acr_values and the client's own minimum; unknown values are voluntary and ignored."""
    visitor = add_visitor(composition, app)
    visitor.log_in(amr=("pwd",))
    visitor.authorize(party, acr_values="urn:unknown")
    url = party.authorization_url(acr_values="urn:unknown urn:sau:acr:2fa", prompt="none")
    assert answer_of(visitor.http.get(url))["error"] == "login_required"
    strict = register(composition, default_acr_values=["urn:sau:acr:2fa"])
    location = visitor.http.get(strict.authorization_url(acr_values="urn:sau:acr:1fa")).headers["Location"]
    assert location.startswith("/login/")


def test_a_hint_at_someone_else_does_not_give_this_person_away(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, app: Flask
) -> None:
    """OpenID Connect Core §3.1.2.1 id_token_hint: login_required, and after login of another one too."""
    token = party.exchange(http, visitor.authorize(party)).get_json()["id_token"]
    assert "code" in answer_of(visitor.http.get(party.authorization_url(id_token_hint=token, prompt="none")))
    other = add_visitor(composition, app, cedula="0926687856")
    other.log_in()
    url = party.authorization_url(id_token_hint=token, prompt="none")
    assert answer_of(other.http.get(url))["error"] == "login_required"
    location = other.http.get(party.authorization_url(id_token_hint=token)).headers["Location"]
    assert location.startswith("/login/")
    other.log_in()
    answer = answer_of(other.http.get(location.replace("/login/", "/authorize/resume/")))
    assert answer["error"] == "login_required"


def test_the_authorization_endpoint_sends_no_cors_headers(party: RelyingParty, visitor: Visitor) -> None:
    """OpenID Provider, rule 5; RFC 9700 §2.6: scripts never read it."""
    response = visitor.http.get(party.authorization_url(), headers={"Origin": "https://portal.example"})
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
    assert response.headers["Cache-Control"] == "no-store"


_NAMES = st.sampled_from(
    ["client_id", "redirect_uri", "scope", "state", "prompt", "max_age", "acr_values", "nonce", "id_token_hint", "x"]
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(_NAMES, st.text(max_size=60), max_size=5))
def test_no_parameter_makes_it_fail(party: RelyingParty, visitor: Visitor, changes: dict[str, str]) -> None:
    """Whatever is sent: an answer or a clear page, never a fault."""
    changes = {name: value.encode("utf-8", "replace").decode() for name, value in changes.items()}
    assert visitor.http.get(party.authorization_url(**changes)).status_code in (303, 400)
