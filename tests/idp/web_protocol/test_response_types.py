"""Implicit and hybrid flows, and how answers travel (OpenID Connect Core §3.2, §3.3, Form Post, JARM)."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from composition import Composition
from idp.protocol.token_hash import left_half_hash
from kernel.clock import ManualClock
from kernel.identifiers import b64url_decode
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, at, change, events, register

TYPES = ["id_token", "id_token token", "code id_token", "code token", "code id_token token"]


@pytest.fixture
def classic(composition: Composition, visitor: Visitor) -> RelyingParty:
    """A client of an older library, which the person has allowed before."""
    party = register(composition)
    visitor.authorize(party, scope="openid profile email", scopes=("email",))
    change(composition, party, policy="classic", response_types=["code", *TYPES])
    return party


@pytest.mark.parametrize("response_type", TYPES)
def test_each_type_gives_what_it_says_in_the_fragment(
    classic: RelyingParty, visitor: Visitor, http: FlaskClient, response_type: str
) -> None:
    """OpenID Connect Core §3.2.2.5, §3.3.2.5, §3.3.2.11: bound together by hashes, by nonce to the request."""
    response = visitor.http.get(classic.authorization_url(response_type=response_type, scope="openid email"))
    assert "?" not in response.headers["Location"]
    answer = answer_of(response)
    assert answer["iss"] == "http://localhost:8000"
    assert answer["state"] == "a state & more"
    parts = response_type.split(" ")
    assert ("code" in answer, "id_token" in answer, "access_token" in answer) == tuple(
        part in parts for part in ("code", "id_token", "token")
    )
    if "token" in parts:
        assert answer["token_type"] == "Bearer"
        assert answer["expires_in"] == "300"
        bearer = {"Authorization": f"Bearer {answer['access_token']}"}
        assert http.get("/userinfo", headers=bearer).get_json()["email"] == "manuela@correo.example"
    if "id_token" in parts:
        claims = classic.claims(answer["id_token"])
        assert (claims["nonce"], claims["aud"]) == ("n-0", classic.client_id)
        assert claims["s_hash"] == left_half_hash("a state & more", algorithm="ES256")
        for name, part in (("at_hash", "access_token"), ("c_hash", "code")):
            expected = left_half_hash(answer[part], algorithm="ES256") if part in answer else None
            assert claims.get(name) == expected
        # §5.4: without an access token the claims stand in the ID token.
        assert ("email" in claims) is (response_type == "id_token")
    if "code" in parts:
        tokens = classic.exchange(http, answer["code"]).get_json()
        assert classic.claims(tokens["id_token"])["sub"] == visitor.person_id


def test_tokens_of_the_redirect_end_with_the_session_and_never_refresh(
    classic: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 6749 §4.2.2: they are a family like any other, without offline access."""
    url = classic.authorization_url(response_type="id_token token", scope="openid offline_access", prompt="consent")
    page = visitor.http.get(visitor.http.get(url).headers["Location"])
    answer = answer_of(visitor.decide(page))
    assert "refresh_token" not in answer
    assert answer["scope"] == "openid"
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    assert http.get("/userinfo", headers=bearer).status_code == 200
    page = visitor.http.get("/logout")
    path, form = visitor.decision(page, "yes")
    visitor.http.post(path, data=form)
    assert http.get("/userinfo", headers=bearer).status_code == 401


@pytest.mark.parametrize("response_type", TYPES)
def test_without_the_policy_or_the_registration_nothing_is_given(
    composition: Composition, visitor: Visitor, response_type: str
) -> None:
    """RFC 9700 §2.1.2: off, unless an administrator has said so; the error travels in the fragment."""
    party = register(composition)
    for policy, registered in (("web", ["code", *TYPES]), ("classic", ["code"])):
        change(composition, party, policy=policy, response_types=registered)
        location = visitor.http.get(party.authorization_url(response_type=response_type)).headers["Location"]
        assert "#error=unauthorized_client&" in location


@pytest.mark.parametrize("response_type", ["id_token", "id_token token", "code id_token", "code id_token token"])
def test_an_id_token_in_the_redirect_needs_a_nonce(classic: RelyingParty, visitor: Visitor, response_type: str) -> None:
    """OpenID Connect Core §3.2.2.1, §3.3.2.11."""
    answer = answer_of(visitor.http.get(classic.authorization_url(response_type=response_type, nonce=None)))
    assert answer["error"] == "invalid_request"


def test_code_token_works_without_a_nonce(classic: RelyingParty, visitor: Visitor) -> None:
    """No ID token travels in this redirect, so none needs binding."""
    assert "code" in answer_of(visitor.http.get(classic.authorization_url(response_type="code token", nonce=None)))


@pytest.mark.parametrize("response_type", TYPES)
def test_no_token_travels_in_a_query(classic: RelyingParty, visitor: Visitor, response_type: str) -> None:
    """Multiple Response Types §3."""
    for mode in ("query", "query.jwt"):
        url = classic.authorization_url(response_type=response_type, response_mode=mode)
        assert "#error=invalid_request" in visitor.http.get(url).headers["Location"]


def _posted(page: str) -> dict[str, str]:
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {unescape(name): unescape(value) for name, value in fields}


@pytest.mark.parametrize("response_type", ["code", *TYPES])
def test_form_post_carries_every_answer_and_every_error(
    classic: RelyingParty, visitor: Visitor, response_type: str
) -> None:
    """OAuth 2.0 Form Post Response Mode §2: a plain form with a button."""
    url = classic.authorization_url(response_type=response_type, response_mode="form_post")
    page = visitor.http.get(url)
    assert page.status_code == 200
    answer = _posted(page.get_data(as_text=True))
    assert answer["iss"] == "http://localhost:8000"
    assert set(response_type.replace("id_token", "").split()) <= {"code", "token"}
    assert ("code" in answer) is ("code" in response_type.split())
    refused = visitor.http.get(f"{url}&prompt=none&max_age=x")
    assert _posted(refused.get_data(as_text=True))["error"] == "invalid_request"


@pytest.mark.parametrize("mode", ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt"])
def test_a_signed_answer_is_one_jwt_for_this_client(
    classic: RelyingParty, visitor: Visitor, http: FlaskClient, clock: ManualClock, mode: str
) -> None:
    """JARM §2.1 to §2.3: iss, aud, exp and the parameters; nothing beside it; errors too."""
    for changes, expected in (({}, "code"), ({"max_age": "x"}, "error")):
        response = visitor.http.get(classic.authorization_url(response_mode=mode, **changes))
        if mode == "form_post.jwt":
            answer = _posted(response.get_data(as_text=True))
        else:
            assert ("#response=" in response.headers["Location"]) is (mode == "fragment.jwt")
            answer = answer_of(response)
        assert set(answer) == {"response"}
        claims = classic.claims(answer["response"])
        assert claims["iss"] == "http://localhost:8000"
        assert claims["aud"] == classic.client_id
        assert at(clock.now()) < claims["exp"] <= at(clock.now()) + 600
        assert claims["state"] == "a state & more"
        assert expected in claims
        if expected == "code":
            assert classic.exchange(http, claims["code"]).status_code == 200


def test_a_signed_answer_with_tokens_goes_by_the_fragment(classic: RelyingParty, visitor: Visitor) -> None:
    """JARM §2.3.4: ``jwt`` is the default way of the response type, signed."""
    url = classic.authorization_url(response_type="code id_token", response_mode="jwt")
    response = visitor.http.get(url)
    assert "#response=" in response.headers["Location"]
    assert {"code", "id_token"} <= set(classic.claims(answer_of(response)["response"]))


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES384", "EdDSA"])
def test_answers_are_signed_by_the_registered_algorithm(
    composition: Composition, classic: RelyingParty, visitor: Visitor, algorithm: str
) -> None:
    """JARM §3: authorization_signed_response_alg; otherwise as the client's ID tokens."""
    for registered, expected in ((None, "ES256"), (algorithm, algorithm)):
        change(composition, classic, authorization_signed_response_alg=registered)
        answer = answer_of(visitor.http.get(classic.authorization_url(response_mode="jwt")))
        header: dict[str, Any] = json.loads(b64url_decode(answer["response"].split(".")[0]))
        assert header["alg"] == expected
        assert header["kid"]


def test_a_verifier_where_there_was_no_challenge_fails_and_plain_is_refused(
    composition: Composition, classic: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """OpenID Provider, rule 3; RFC 9700 §2.1.1: PKCE downgrade."""
    without: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}
    code = answer_of(visitor.http.get(classic.authorization_url(**without)))["code"]
    refused = classic.exchange(http, code)
    assert refused.get_json()["error"] == "invalid_grant"
    assert classic.exchange(http, code, code_verifier=None).status_code == 200
    code = answer_of(visitor.http.get(classic.authorization_url()))["code"]
    assert classic.exchange(http, code, code_verifier=None).get_json()["error"] == "invalid_grant"
    assert classic.exchange(http, code).status_code == 200
    for changes in ({"code_challenge_method": "plain"}, {"code_challenge_method": None}, {"code_challenge": None}):
        answer = answer_of(visitor.http.get(classic.authorization_url(**changes)))
        assert answer["error"] == "invalid_request"
    refusals = [reason for outcome, reason, _ in events(composition, "idp:token:refused") if outcome == "refused"]
    assert refusals == ["wrong_verifier", "wrong_verifier"]
