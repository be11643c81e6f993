"""ID tokens, UserInfo and keys as the OpenID Foundation's certification asks them (``oidcc-…``).

What other tests hold already is not here: hashes in ``test_response_types``, signed and encrypted answers in
``test_protected_answers``, single claims in ``test_claims_parameter``.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import JWKRegistry

from composition import Composition
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from kernel.clock import ManualClock
from kernel.identifiers import b64url_decode
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, change, register
from tests.idp.signing import rotate_all
from web.application import SauFlask

SCOPE = "openid profile email offline_access"
ISSUER = "http://localhost:8000"


def _tokens(party: RelyingParty, visitor: Visitor, http: FlaskClient, **changes: Any) -> dict[str, Any]:
    tokens: dict[str, Any] = party.exchange(http, visitor.authorize(party, **changes)).get_json()
    return tokens


def _keys(http: FlaskClient) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = http.get("/jwks").get_json()["keys"]
    return keys


def test_every_key_of_the_set_is_whole_and_has_a_name_of_its_own(visitor: Visitor, http: FlaskClient) -> None:
    """oidcc-discovery-endpoint-verification, oidcc-server-rotate-keys: base64url, distinct kids, nothing private."""
    keys = _keys(http)
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        for name in {"n", "e", "x", "y"} & set(key):
            assert b64url_decode(key[name])
        assert key["use"] in ("sig", "enc")
        assert not JWKRegistry.import_key(key).is_private


def test_after_a_rotation_the_set_has_a_new_key_and_the_old_one(
    composition: Composition, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """oidcc-server-rotate-keys (§10.1.1)."""
    before = {key["kid"] for key in _keys(http)}
    clock.advance(timedelta(hours=1))
    rotate_all(composition)
    assert before < {key["kid"] for key in _keys(http)}


@pytest.mark.parametrize("algorithm", TOKEN_ALGORITHMS)
def test_the_id_token_verifies_by_the_one_key_that_it_names(
    composition: Composition, visitor: Visitor, http: FlaskClient, algorithm: str
) -> None:
    """oidcc-idtoken-signature, oidcc-idtoken-rs256: the published key of its kid, use and alg."""
    party = register(composition, id_token_signed_response_alg=algorithm)
    token = _tokens(party, visitor, http)["id_token"]
    header = json.loads(b64url_decode(token.partition(".")[0]))
    (key,) = [key for key in _keys(http) if key["kid"] == header["kid"]]
    assert (key["use"], key["alg"]) == ("sig", algorithm)
    assert jwt.decode(token, JWKRegistry.import_key(key), algorithms=[algorithm]).claims["iss"] == ISSUER


def test_a_refreshed_id_token_differs_in_its_time_alone(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """oidcc-refresh-token (§12.2): issuer, subject, audience and login as before, a new iat, no nonce."""
    first = _tokens(party, visitor, http, scope=SCOPE, max_age="1000")
    clock.advance(timedelta(minutes=3))
    second = party.refresh(http, first["refresh_token"]).get_json()
    before, after = party.claims(first["id_token"]), party.claims(second["id_token"])
    for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert after[name] == before[name]
    assert after["iat"] == before["iat"] + 180
    assert after["exp"] > after["iat"]
    assert before["nonce"] == "n-0"
    assert not {"nonce", "azp"} & set(after)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo_answers_both_methods_with_the_subject_of_the_id_token(
    party: RelyingParty, visitor: Visitor, http: FlaskClient, method: str
) -> None:
    """oidcc-userinfo-get, oidcc-userinfo-post-header (§5.3.2)."""
    tokens = _tokens(party, visitor, http)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = http.open("/userinfo", method=method, headers=headers)
    assert answer.status_code == 200
    assert answer.get_json()["sub"] == party.claims(tokens["id_token"])["sub"]


def test_userinfo_takes_a_token_in_a_posted_form_and_nowhere_else_beside_it(
    app: Flask, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """oidcc-userinfo-post-body; RFC 6750 §2, §2.2: one place, a form, a POST; by the short way and by Flask's."""
    tokens = _tokens(party, visitor, http)
    token = tokens["access_token"]
    header, form = {"Authorization": f"Bearer {token}"}, {"access_token": token}
    for open_ways in (True, False):
        cast(SauFlask, app).short_ways.open = open_ways
        answer = http.post("/userinfo", data=form)
        assert answer.status_code == 200
        assert answer.get_json()["sub"] == party.claims(tokens["id_token"])["sub"]
        for refused in (
            http.post("/userinfo", data=form, headers=header),
            http.post("/userinfo", data={"access_token": [token, token]}),
            http.post("/userinfo", data=form, query_string=form),
            http.post("/userinfo", query_string=form),
            http.post("/userinfo", data=form, content_type="multipart/form-data"),
        ):
            assert refused.status_code == 400
            assert refused.get_json()["error"] == "invalid_request"
            assert 'error="invalid_request"' in refused.headers["WWW-Authenticate"]
        assert http.get("/userinfo", data=form, content_type="application/x-www-form-urlencoded").status_code == 401
        for unknown in ("", "x", token[:-4]):
            refused = http.post("/userinfo", data={"access_token": unknown})
            assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_token")


def test_claims_are_of_the_types_that_the_specification_gives_them(
    party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """oidcc-scope-profile, oidcc-scope-email (§5.1)."""
    tokens = _tokens(party, visitor, http, scope="openid profile email", prompt="consent", scopes=("email",))
    claims = http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).get_json()
    kinds = {"updated_at": int, "email_verified": bool}
    for name in ("sub", "name", "given_name", "family_name", "locale", "updated_at", "email", "email_verified"):
        assert isinstance(claims[name], kinds.get(name, str)), name
        assert claims[name] != ""


def test_the_login_is_told_and_does_not_move(
    party: RelyingParty, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """oidcc-max-age-10000, oidcc-prompt-none-logged-in: a second time has the auth_time and sub of the first."""
    first = party.claims(_tokens(party, visitor, http)["id_token"])
    clock.advance(timedelta(minutes=2))
    for changes in ({"max_age": "10000"}, {"prompt": "none"}):
        second = party.claims(_tokens(party, visitor, http, **changes)["id_token"])
        assert (second["auth_time"], second["sub"]) == (first["auth_time"], first["sub"])
        assert second["acr"] in http.get("/.well-known/openid-configuration").get_json()["acr_values_supported"]


def test_an_essential_claim_of_an_id_token_alone_stands_in_it(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """oidcc-claims-essential with response_type=id_token: name in the ID token, as with the scope (§5.4, §5.5)."""
    party = register(composition)
    visitor.authorize(party, scope="openid profile")
    change(composition, party, policy="classic", response_types=["code", "id_token"])
    wanted = json.dumps({"id_token": {"name": {"essential": True}}})
    for changes in ({"scope": "openid", "claims": wanted}, {"scope": "openid profile"}):
        answer = answer_of(visitor.http.get(party.authorization_url(response_type="id_token", **changes)))
        claims = party.claims(answer["id_token"])
        assert claims["name"] == "Manuela Sáenz Aizpuru"
        assert ("updated_at" in claims) is ("claims" not in changes)
    answer = answer_of(visitor.http.get(party.authorization_url(response_type="id_token", scope="openid")))
    assert "name" not in party.claims(answer["id_token"])
