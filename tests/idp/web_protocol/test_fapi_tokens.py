"""What the certification of FAPI 2.0 asks of the token and resource endpoints, with private_key_jwt and DPoP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from idp.clients.client import find_client
from kernel.clock import ManualClock
from tests.idp.dpop import Holder
from tests.idp.fapi import KeyedParty, register_keyed
from tests.idp.relying_party import Visitor, answer_of, change, register

SCOPE = "openid profile offline_access"


class Fapi:
    """An application of high risk that does everything right: it pushes, proves its key and repeats our nonces."""

    def __init__(self, composition: Composition, http: FlaskClient) -> None:
        self.party: KeyedParty = register_keyed(composition, policy="fapi2")
        self.holder, self.http, self.nonce = Holder(composition), http, ""

    def call(self, path: str, form: dict[str, str], **claims: Any) -> tuple[int, dict[str, Any]]:
        """Send a form; when a nonce is asked for, once more with it, as the certification does."""
        for _ in range(2):
            nonce = {"nonce": self.nonce} if self.nonce else {}
            headers = self.holder.headers(path, **nonce | claims)
            answer = self.http.post(path, data=form | self.party.assertion(), headers=headers)
            self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
            if answer.get_json().get("error") != "use_dpop_nonce":
                break
        return answer.status_code, answer.get_json()

    def code(self, visitor: Visitor, **changes: str) -> str:
        """Push, let the person decide, return the code."""
        status, pushed = self.call("/par", self.party.parameters(scope=SCOPE, **changes))
        assert status == 201, pushed
        response = visitor.http.get(self.party.reference(pushed["request_uri"]))
        if response.headers["Location"].startswith("/"):
            response = visitor.decide(visitor.http.get(response.headers["Location"]))
        return answer_of(response)["code"]

    def redeem(self, code: str, **claims: Any) -> tuple[int, dict[str, Any]]:
        """Redeem a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.party.redirect_uri,
            "code_verifier": self.party.verifier,
        }
        return self.call("/token", form, **claims)

    def userinfo(self, token: str, scheme: str = "DPoP", **claims: Any) -> int:
        """Show a token."""
        headers = self.holder.showing(token, nonce=self.nonce, **claims) | {"Authorization": f"{scheme} {token}"}
        return self.http.get("/userinfo", headers=headers).status_code


@pytest.fixture
def fapi(composition: Composition, app: Flask, http: FlaskClient) -> Fapi:
    """An application by FAPI 2.0."""
    return Fapi(composition, http)


def test_the_happy_flow(fapi: Fapi, visitor: Visitor) -> None:
    """Pushed with a proof, redeemed, shown; the scheme in any case; refreshed without rotation."""
    status, tokens = fapi.redeem(fapi.code(visitor))
    assert (status, tokens["token_type"]) == (200, "DPoP")
    for scheme in ("DPoP", "dpop", "dPOP"):
        assert fapi.userinfo(tokens["access_token"], scheme) == 200
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, renewed = fapi.call("/token", form)
    assert (status, renewed["refresh_token"]) == (200, tokens["refresh_token"])
    assert fapi.userinfo(renewed["access_token"]) == 200


def test_nbf_and_exp_in_a_proof_do_not_disturb(fapi: Fapi, visitor: Visitor, clock: ManualClock) -> None:
    """Five minutes of ``exp``, ``nbf`` now."""
    at = int(clock.now().timestamp())
    status, tokens = fapi.redeem(fapi.code(visitor), nbf=at, exp=at + 300)
    assert status == 200
    assert fapi.userinfo(tokens["access_token"], nbf=at, exp=at + 300) == 200


@pytest.mark.parametrize(("seconds", "accepted"), [(10, True), (-10, True), (60, False), (-90, False)])
def test_iat_within_ten_seconds_is_accepted(
    fapi: Fapi, visitor: Visitor, clock: ManualClock, seconds: int, accepted: bool
) -> None:
    """OpenID Provider, rule 11; at PAR, too."""
    iat = int(clock.now().timestamp()) + seconds
    code = fapi.code(visitor)
    assert fapi.call("/par", fapi.party.parameters(), iat=iat)[0] == (201 if accepted else 400)
    assert fapi.redeem(code, iat=iat)[0] == (200 if accepted else 400)


def test_a_code_is_bound_to_its_client_and_to_its_key(
    composition: Composition, fapi: Fapi, visitor: Visitor, http: FlaskClient
) -> None:
    """``invalid_grant`` for another client's; for another key than that of the push; then it still works."""
    code, other = fapi.code(visitor), Fapi(composition, http)
    other.party.verifier = fapi.party.verifier
    assert other.redeem(code)[1]["error"] == "invalid_grant"
    own, fapi.holder = fapi.holder, Holder(composition)
    assert fapi.redeem(code)[1]["error"] == "invalid_grant"
    fapi.holder = own
    assert fapi.redeem(code)[0] == 200


def test_without_a_proof_nothing_is_given(fapi: Fapi, visitor: Visitor, http: FlaskClient) -> None:
    """Holder of key required, for codes and refresh tokens: ``invalid_request`` or ``invalid_grant``, status 400."""
    code = fapi.code(visitor)
    refused = fapi.party.exchange(http, code, {}, **fapi.party.assertion())
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_request")
    tokens = fapi.redeem(code)[1]
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refused = http.post("/token", data=form | fapi.party.assertion())
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_request")
    bare = http.get("/userinfo", headers={"Authorization": f"DPoP {tokens['access_token']}"})
    assert bare.status_code == 401


def test_a_second_use_of_a_code_revokes_the_first_one_s_token(fapi: Fapi, visitor: Visitor, clock: ManualClock) -> None:
    """OpenID Provider, rule 4: after a second, as the certification tries it."""
    code = fapi.code(visitor)
    tokens = fapi.redeem(code)[1]
    clock.advance(timedelta(seconds=1))
    assert fapi.redeem(code)[1]["error"] == "invalid_grant"
    assert fapi.userinfo(tokens["access_token"]) == 401


def test_another_client_s_refresh_token_is_refused(
    composition: Composition, fapi: Fapi, visitor: Visitor, http: FlaskClient
) -> None:
    """And costs its owner nothing."""
    tokens, other = fapi.redeem(fapi.code(visitor))[1], Fapi(composition, http)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert other.call("/token", form)[1]["error"] == "invalid_grant"
    assert fapi.call("/token", form)[0] == 200


@pytest.mark.parametrize("policy", ["fapi2", "fapi2-message-signing", "fapi-ciba"])
def test_no_policy_of_high_risk_gives_bearer_tokens(
    composition: Composition, app: Flask, http: FlaskClient, policy: str
) -> None:
    """OpenID Provider, rule 11: services' own tokens neither."""
    party = register_keyed(composition, resources=["https://api.example/"])
    change(composition, party, policy=policy)
    refused = http.post("/token", data={"grant_type": "client_credentials"} | party.assertion())
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_request")


def test_a_bound_registration_leaves_no_way_around(composition: Composition, app: Flask) -> None:
    """RFC 9449 §5.2: registered through the same door as everything else."""
    party = register(composition, dpop_bound_access_tokens=True)
    with composition.database.reading() as session:
        assert find_client(session, party.client_id).metadata.dpop_bound_access_tokens
