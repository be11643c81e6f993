"""What the certification's test modules ask at the authorization endpoint, one a test, by their names.

Those that other modules of these tests hold by a rule are not repeated: see ``test_response_types`` (response types and
modes, nonce), ``test_pushed_requests`` (PAR), ``test_request_objects`` (JAR, JARM), ``test_prompts`` and
``test_authorization_errors``.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from kernel.clock import ManualClock
from tests.idp.dpop import Holder
from tests.idp.fapi import KeyedParty, register_keyed
from tests.idp.relying_party import REDIRECT_URI, RelyingParty, Visitor, add_visitor, answer_of, at, change


@pytest.fixture
def known(party: RelyingParty, visitor: Visitor) -> RelyingParty:
    """An application that the person has allowed before."""
    visitor.authorize(party)
    return party


def test_response_type_missing(composition: Composition, known: RelyingParty, visitor: Visitor) -> None:
    """oidcc-response-type-missing: told in the query, since nothing says that it should be the fragment."""
    change(composition, known, policy="classic", response_types=["id_token"])
    location = visitor.http.get(known.authorization_url(response_type=None)).headers["Location"]
    answer = dict(parse_qsl(urlsplit(location).query))
    assert (answer["error"], answer["state"]) == ("invalid_request", "a state & more")


def test_redirect_uri_with_a_registered_query(known: RelyingParty, visitor: Visitor) -> None:
    """oidcc-redirect-uri-query-OK: the query stays, the answer joins it."""
    registered = f"{REDIRECT_URI}?tenant=1"
    location = visitor.http.get(known.authorization_url(redirect_uri=registered)).headers["Location"]
    assert location.startswith(f"{registered}&code=")


@pytest.mark.parametrize("uri", [f"{REDIRECT_URI}?foo=bar", f"{REDIRECT_URI}?tenant=2", f"{REDIRECT_URI}?tenant=1&x=y"])
def test_redirect_uri_with_another_query(known: RelyingParty, visitor: Visitor, uri: str) -> None:
    """oidcc-redirect-uri-query-mismatch, oidcc-redirect-uri-query-added: a page."""
    refused = visitor.http.get(known.authorization_url(redirect_uri=uri))
    assert refused.status_code == 400
    assert "Location" not in refused.headers


def test_the_request_by_post(known: RelyingParty, visitor: Visitor) -> None:
    """oidcc-ensure-post-request-succeeds."""
    assert "code" in answer_of(visitor.http.post("/authorize", data=known.parameters()))


def test_max_age_of_one_second_and_of_many(known: RelyingParty, visitor: Visitor, clock: ManualClock) -> None:
    """oidcc-max-age-1, oidcc-max-age-10000."""
    clock.advance(timedelta(seconds=2))
    assert "code" in answer_of(visitor.http.get(known.authorization_url(max_age="10000")))
    assert visitor.http.get(known.authorization_url(max_age="1")).headers["Location"].startswith("/login/")


def test_prompt_none_logged_in_and_not(
    composition: Composition, known: RelyingParty, visitor: Visitor, app: Flask, http: FlaskClient, clock: ManualClock
) -> None:
    """oidcc-prompt-none-logged-in: same sub, same auth_time; oidcc-prompt-none-not-logged-in: login_required."""
    claims = []
    for prompt in (None, "none"):
        code = answer_of(visitor.http.get(known.authorization_url(prompt=prompt)))["code"]
        claims.append(known.claims(known.exchange(http, code).get_json()["id_token"]))
        clock.advance(timedelta(seconds=5))
    assert {name: claims[0][name] for name in ("sub", "auth_time")} == {
        name: claims[1][name] for name in ("sub", "auth_time")
    }
    stranger = add_visitor(composition, app, cedula="0926687856")
    assert answer_of(stranger.http.get(known.authorization_url(prompt="none")))["error"] == "login_required"


def test_scopes_in_any_order_and_unknown_parameters(known: RelyingParty, visitor: Visitor) -> None:
    """oidcc-ensure-other-scope-order-succeeds, oidcc-ensure-request-with-unknown-parameter-succeeds."""
    assert "code" in answer_of(visitor.http.get(known.authorization_url(scope="profile openid", extra="foobar")))


@pytest.fixture
def fapi(composition: Composition, app: Flask, visitor: Visitor) -> KeyedParty:
    """An application by FAPI 2.0 that the person has allowed before."""
    party = register_keyed(composition)
    visitor.authorize(party)
    change(composition, party, policy="fapi2")
    return party


@pytest.mark.parametrize(
    "changes", [{"nonce": "n" * 64}, {"nonce": "n" * 384}, {"state": "s" * 1000}, {"state": None}, {"nonce": None}]
)
def test_fapi_state_and_nonce_long_or_absent(
    fapi: KeyedParty, visitor: Visitor, http: FlaskClient, changes: dict[str, str | None]
) -> None:
    """…-with-64-char-nonce-success, …-with-long-nonce, …-with-long-state, …-without-state-success, …-without-nonce."""
    answer = answer_of(visitor.http.get(fapi.pushed_url(http, **changes)))
    assert "code" in answer
    assert answer.get("state") == ({"state": "a state & more"} | changes)["state"]


def test_fapi_pkce_at_the_push_and_at_the_token_endpoint(
    composition: Composition, fapi: KeyedParty, visitor: Visitor, http: FlaskClient
) -> None:
    """…-par-ensure-pkce-required, …-plain-pkce-rejected, …-pkce-code-verifier-required, …-incorrect-…-rejected."""
    for changes in ({"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"}):
        assert fapi.push(http, **changes).get_json()["error"] == "invalid_request"
    holder = Holder(composition)
    nonce = http.post("/token", headers=holder.headers()).headers["DPoP-Nonce"]
    for verifier in (None, "v" * 43):
        code = answer_of(visitor.http.get(fapi.pushed_url(http)))["code"]
        proof = holder.headers(nonce=nonce)
        refused = fapi.exchange(http, code, proof, code_verifier=verifier, **fapi.assertion())
        assert refused.get_json()["error"] in ("invalid_grant", "invalid_request")
    code = answer_of(visitor.http.get(fapi.pushed_url(http)))["code"]
    given = fapi.exchange(http, code, holder.headers(nonce=nonce), **fapi.assertion())
    assert given.get_json()["token_type"] == "DPoP"


@pytest.mark.parametrize(
    "audience", ["http://localhost:8000/par", ["http://localhost:8000/par"], "http://localhost:8000/token"]
)
def test_fapi_assertions_at_the_push_are_for_the_issuer(
    fapi: KeyedParty, http: FlaskClient, audience: str | list[str]
) -> None:
    """…-par-endpoint-as-audience-fails, …-as-array-audience-fails, …-token-endpoint-as-audience-fails."""
    refused = http.post("/par", data=fapi.parameters() | fapi.assertion(aud=audience))
    assert refused.get_json()["error"] == "invalid_client"


@pytest.mark.parametrize(("ahead", "status"), [(8, 201), (60, 401)])
def test_fapi_assertions_of_a_clock_ahead(
    fapi: KeyedParty, http: FlaskClient, clock: ManualClock, ahead: int, status: int
) -> None:
    """…-par-…-iat-nbf-8-seconds-in-the-future-is-accepted, …-over-60-seconds-…-fails; OpenID Provider, rule 11."""
    moment = at(clock.now()) + ahead
    data = fapi.parameters() | fapi.assertion(iat=moment, nbf=moment, exp=moment + 60)
    assert http.post("/par", data=data).status_code == status


def test_fapi_a_reference_of_another_client(
    composition: Composition, fapi: KeyedParty, visitor: Visitor, http: FlaskClient
) -> None:
    """…-par-ensure-request-uri-is-bound-to-client: invalid_request_uri by its own address, or a page."""
    other = register_keyed(composition, policy="fapi2")
    request_uri = fapi.push(http).get_json()["request_uri"]
    assert visitor.http.get(other.reference(request_uri)).status_code == 400
    answer = answer_of(visitor.http.get(other.reference(request_uri, redirect_uri=REDIRECT_URI, state="s")))
    assert (answer["error"], answer["state"]) == ("invalid_request_uri", "s")
