"""Refreshing, revoking, introspecting, and what tokens open."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from composition import Composition
from idp.accounts.model import PasswordRow, PersonRow
from idp.authentication.browser_session import end_sessions_of
from idp.clients.register import disable_client, set_scopes
from idp.consent.connected_services import list_connected_services, withdraw_consent
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.tokens.jws import sign_jwt
from idp.tokens.model import TokenFamilyRow
from kernel.clock import ManualClock
from kernel.errors import NotFound
from kernel.identifiers import b64url
from tests.idp.relying_party import RelyingParty, Visitor, change, events, register
from tests.idp.signing import rotate_all

SCOPE = "openid profile offline_access"


@pytest.fixture
def tokens(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> dict[str, Any]:
    """Tokens with offline access."""
    document: dict[str, Any] = party.exchange(http, visitor.authorize(party, scope=SCOPE)).get_json()
    return document


def _userinfo(http: FlaskClient, token: str) -> int:
    return http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_refresh_gives_new_tokens_and_keeps_the_login(
    party: RelyingParty, http: FlaskClient, tokens: dict[str, Any], clock: ManualClock
) -> None:
    """OpenID Connect Core §12.2: same sub, aud and auth_time, no nonce needed; a new refresh token."""
    first = party.claims(tokens["id_token"])
    clock.advance(timedelta(hours=1))
    renewed = party.refresh(http, tokens["refresh_token"]).get_json()
    second = party.claims(renewed["id_token"])
    assert {name: second[name] for name in ("iss", "sub", "aud", "auth_time", "acr", "sid")} == {
        name: first[name] for name in ("iss", "sub", "aud", "auth_time", "acr", "sid")
    }
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert _userinfo(http, renewed["access_token"]) == 200


def test_a_refresh_may_ask_for_less_and_never_for_more(
    party: RelyingParty, http: FlaskClient, tokens: dict[str, Any]
) -> None:
    """RFC 6749 §6."""
    renewed = party.refresh(http, tokens["refresh_token"], scope="openid").get_json()
    assert renewed["scope"] == "openid"
    more = party.refresh(http, renewed["refresh_token"], scope="openid cedula")
    assert more.get_json()["error"] == "invalid_scope"
    # A wrong request costs nothing: the token is still good for a right one.
    assert party.refresh(http, renewed["refresh_token"]).status_code == 200


def test_a_second_use_of_a_refresh_token_ends_the_family(
    composition: Composition, party: RelyingParty, http: FlaskClient, tokens: dict[str, Any]
) -> None:
    """RFC 9700 §4.14.2: the thief's and the owner's both stop; on record."""
    renewed = party.refresh(http, tokens["refresh_token"]).get_json()
    assert party.refresh(http, tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert party.refresh(http, renewed["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert _userinfo(http, renewed["access_token"]) == 401
    assert events(composition, "idp:token:reused") == [("refused", "reused", party.client_id)]


def test_fifty_at_once_refresh_once(app: Flask, party: RelyingParty, http: FlaskClient, tokens: dict[str, Any]) -> None:
    """Exactly one winner."""
    statuses: list[int] = []
    start = threading.Barrier(50)

    def refresh() -> None:
        with app.test_client(use_cookies=False) as client:
            start.wait()
            statuses.append(party.refresh(client, tokens["refresh_token"]).status_code)

    threads = [threading.Thread(target=refresh) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * 49


def _disable_person(composition: Composition, visitor: Visitor, party: RelyingParty) -> None:
    with composition.database.transaction() as session:
        session.execute(update(PersonRow).where(PersonRow.id == visitor.person_id).values(status="disabled"))


def _change_password(composition: Composition, visitor: Visitor, party: RelyingParty) -> None:
    with composition.database.transaction() as session:
        session.add(PasswordRow(person_id=visitor.person_id, phc="x", set_at=composition.clock.now()))


def _withdraw(composition: Composition, visitor: Visitor, party: RelyingParty) -> None:
    with composition.database.transaction() as session:
        withdraw_consent(
            session,
            journal=composition.journal,
            person_id=visitor.person_id,
            client_id=party.client_id,
            now=composition.clock.now(),
        )


def _disable_client(composition: Composition, visitor: Visitor, party: RelyingParty) -> None:
    with composition.database.transaction() as session:
        disable_client(session, journal=composition.journal, client_id=party.client_id, now=composition.clock.now())


def _remove_scope(composition: Composition, visitor: Visitor, party: RelyingParty) -> None:
    with composition.database.transaction() as session:
        set_scopes(
            session,
            journal=composition.journal,
            client_id=party.client_id,
            scopes=("openid", "offline_access"),
            now=composition.clock.now(),
        )


@pytest.mark.parametrize("happens", [_disable_person, _change_password, _withdraw, _disable_client, _remove_scope])
def test_tokens_end_with_what_they_rest_on(
    composition: Composition,
    party: RelyingParty,
    visitor: Visitor,
    http: FlaskClient,
    tokens: dict[str, Any],
    clock: ManualClock,
    happens: Callable[[Composition, Visitor, RelyingParty], None],
) -> None:
    """Account closed, password changed, consent withdrawn, client closed, scope removed: refresh and UserInfo stop."""
    clock.advance(timedelta(seconds=1))
    happens(composition, visitor, party)
    assert party.refresh(http, tokens["refresh_token"]).get_json()["error"] in ("invalid_grant", "invalid_client")
    assert _userinfo(http, tokens["access_token"]) == 401


def test_tokens_end_with_a_session_that_nobody_logged_out_of(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """Closed elsewhere, nothing tells them: it is asked at each use. What was given for absence goes on."""
    present = party.exchange(http, visitor.authorize(party, scope="openid profile")).get_json()["access_token"]
    absent = party.exchange(http, visitor.authorize(party, scope=SCOPE)).get_json()["access_token"]
    with composition.database.transaction() as session:
        end_sessions_of(
            session,
            journal=composition.journal,
            person_id=visitor.person_id,
            reason="closed_by_person",
            now=composition.clock.now(),
        )
    assert (_userinfo(http, present), _userinfo(http, absent)) == (401, 200)
    assert events(composition, "idp:userinfo:refused")[-1][1] == "session_ended"


def test_withdrawing_consent_asks_again_next_time(
    composition: Composition, party: RelyingParty, visitor: Visitor, tokens: dict[str, Any]
) -> None:
    """The account page's list and its button."""
    with composition.database.reading() as session:
        (connected,) = list_connected_services(session, visitor.person_id, issuer=composition.settings.issuer)
    assert (connected.name, connected.scopes) == ("Portal", ("openid", "profile", "offline_access"))
    _withdraw(composition, visitor, party)
    with composition.database.reading() as session:
        assert list_connected_services(session, visitor.person_id, issuer=composition.settings.issuer) == []
    with pytest.raises(NotFound):
        _withdraw(composition, visitor, party)
    location = visitor.http.get(party.authorization_url()).headers["Location"]
    assert location.startswith("/authorize/resume/")
    assert [event[0] for event in events(composition, "idp:consent:withdrawn")] == ["success"]


def test_refresh_tokens_end_by_disuse_and_by_age(
    party: RelyingParty, http: FlaskClient, tokens: dict[str, Any], clock: ManualClock
) -> None:
    """Two weeks without use; ninety days in all."""
    token = tokens["refresh_token"]
    for _ in range(6):
        clock.advance(timedelta(days=13))
        token = party.refresh(http, token).get_json()["refresh_token"]
    clock.advance(timedelta(days=13))
    assert party.refresh(http, token).get_json()["error"] == "invalid_grant"


def test_another_client_cannot_refresh(
    composition: Composition, party: RelyingParty, http: FlaskClient, tokens: dict[str, Any]
) -> None:
    """RFC 6749 §6; the owner's token still works afterwards."""
    other = register(composition)
    assert other.refresh(http, tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert party.refresh(http, tokens["refresh_token"]).status_code == 200


def test_revoking_a_refresh_token_ends_its_family(
    party: RelyingParty, http: FlaskClient, tokens: dict[str, Any]
) -> None:
    """RFC 7009 §2.1; revoking again, or rubbish, is 200 too."""
    for token in (tokens["refresh_token"], tokens["refresh_token"], "rubbish"):
        assert http.post("/revoke", data={"token": token}, headers=party.basic()).status_code == 200
    assert _userinfo(http, tokens["access_token"]) == 401
    assert party.refresh(http, tokens["refresh_token"]).status_code == 400
    assert http.post("/revoke", data={}, headers=party.basic()).get_json()["error"] == "invalid_request"
    assert http.post("/revoke", data={"token": "x"}).status_code == 401


def test_revoking_an_access_token_ends_it_alone(
    composition: Composition, party: RelyingParty, http: FlaskClient, tokens: dict[str, Any]
) -> None:
    """RFC 7009 §2.1; nobody revokes another client's."""
    other = register(composition)
    http.post("/revoke", data={"token": tokens["access_token"]}, headers=other.basic())
    assert _userinfo(http, tokens["access_token"]) == 200
    http.post("/revoke", data={"token": tokens["access_token"]}, headers=party.basic())
    assert _userinfo(http, tokens["access_token"]) == 401
    assert party.refresh(http, tokens["refresh_token"]).status_code == 200


def test_introspection_answers_those_whom_the_token_concerns(
    composition: Composition, party: RelyingParty, http: FlaskClient, tokens: dict[str, Any], clock: ManualClock
) -> None:
    """RFC 7662 §2.2, §4: anyone else hears no more than that it is not active."""
    other, spa = register(composition), register(composition, token_endpoint_auth_method="none")

    def ask(who: RelyingParty, token: str) -> dict[str, Any]:
        answer: dict[str, Any] = http.post("/introspect", data={"token": token}, headers=who.basic()).get_json()
        return answer

    active = ask(party, tokens["access_token"])
    assert (active["active"], active["client_id"], active["scope"]) == (True, party.client_id, SCOPE)
    assert active["aud"] == "http://localhost:8000/userinfo"
    assert ask(party, tokens["refresh_token"])["active"] is True
    for token in (tokens["access_token"], tokens["refresh_token"], "rubbish", tokens["id_token"]):
        assert ask(other, token) == {"active": False}
    refused = http.post("/introspect", data={"token": "x", "client_id": spa.client_id})
    assert refused.get_json()["error"] == "unauthorized_client"
    assert http.post("/introspect", data={"token": "x"}).status_code == 401
    clock.advance(timedelta(minutes=5))
    assert ask(party, tokens["access_token"]) == {"active": False}


def test_an_api_introspects_the_tokens_aimed_at_it(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """RFC 7662 §4; UserInfo refuses such a token: one narrow audience."""
    api = register(composition, resource="https://api.example/")
    service = register(
        composition,
        redirect_uris=[],
        post_logout_redirect_uris=[],
        grant_types=["client_credentials"],
        scope="",
        optional_scope="",
        resources=["https://api.example/"],
    )
    token = http.post("/token", data={"grant_type": "client_credentials"}, headers=service.basic()).get_json()
    answer = http.post("/introspect", data={"token": token["access_token"]}, headers=api.basic()).get_json()
    assert (answer["active"], answer["sub"]) == (True, service.client_id)
    assert _userinfo(http, token["access_token"]) == 401
    assert events(composition, "idp:userinfo:refused")[-1][1] == "wrong_audience"
    change(composition, service, resources=[])
    answer = http.post("/introspect", data={"token": token["access_token"]}, headers=api.basic()).get_json()
    assert answer == {"active": False}


def test_without_offline_access_tokens_end_with_the_session(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """No refresh token either."""
    session_bound = party.exchange(http, visitor.authorize(party)).get_json()
    assert "refresh_token" not in session_bound
    visitor.http.get("/logout", query_string={"id_token_hint": session_bound["id_token"]})
    assert _userinfo(http, session_bound["access_token"]) == 401


def test_bearer_tokens_never_travel_in_the_address(
    party: RelyingParty, http: FlaskClient, tokens: dict[str, Any]
) -> None:
    """RFC 9700 §4.3.2, RFC 6750 §3: and each refusal says how."""
    token = tokens["access_token"]
    assert http.get("/userinfo", query_string={"access_token": token}).status_code == 400
    both = http.get("/userinfo", query_string={"access_token": token}, headers={"Authorization": f"Bearer {token}"})
    assert both.status_code == 400
    bare = http.get("/userinfo")
    described = 'resource_metadata="http://localhost:8000/.well-known/oauth-protected-resource/userinfo"'
    assert (bare.status_code, bare.headers["WWW-Authenticate"]) == (401, f'Bearer realm="SAU", {described}')
    wrong = http.get("/userinfo", headers={"Authorization": "Bearer x.y.z"})
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]
    assert http.get("/userinfo", headers=party.basic()).status_code == 401


def test_an_id_token_is_no_access_token(http: FlaskClient, tokens: dict[str, Any]) -> None:
    """RFC 9068 §4, RFC 8725 §3.11."""
    assert _userinfo(http, tokens["id_token"]) == 401


def test_forged_access_tokens_are_refused(composition: Composition, http: FlaskClient, tokens: dict[str, Any]) -> None:
    """RFC 8725 §3.1: none, a changed payload, a swapped algorithm, another type."""
    header, payload, signature = tokens["access_token"].split(".")
    with composition.database.reading() as session:
        signer = composition.idp.token_keys.active_signer(session, "ES256")
        rsa = composition.idp.token_keys.active_signer(session, "PS256")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    unsigned = b64url(json.dumps({"alg": "none", "typ": "at+jwt"}).encode())
    forged = [
        f"{unsigned}.{payload}.",
        f"{header}.{b64url(json.dumps(claims | {'scope': 'openid email'}).encode())}.{signature}",
        f"{header}.{payload}.{'A' * 86}",
        f"{header}.{payload}",
        sign_jwt(claims, signer=signer, typ="JWT"),
        sign_jwt(claims, signer=rsa, typ="at+jwt"),
        sign_jwt(claims | {"iss": "https://evil.example"}, signer=signer, typ="at+jwt"),
        sign_jwt(claims | {"jti": 5}, signer=signer, typ="at+jwt"),
        sign_jwt(claims | {"aud": ["http://localhost:8000/userinfo", "x"]}, signer=signer, typ="at+jwt"),
    ]
    for token in forged:
        assert _userinfo(http, token) == 401, token
    assert _userinfo(http, sign_jwt(claims, signer=signer, typ="at+jwt")) == 200


def test_no_token_fails_while_keys_rotate(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """What the old key signed is accepted, what the new one signs was announced."""
    clock.advance(timedelta(minutes=58))
    visitor.log_in()
    before = party.exchange(http, visitor.authorize(party)).get_json()
    known = {key["kid"] for key in http.get("/jwks").get_json()["keys"]}
    clock.advance(timedelta(minutes=4))
    rotate_all(composition)
    assert _userinfo(http, before["access_token"]) == 200
    after = party.exchange(http, visitor.authorize(party)).get_json()
    header = json.loads(base64.urlsafe_b64decode(after["id_token"].split(".")[0] + "=="))
    assert header["kid"] in known


def test_the_id_token_is_signed_as_the_client_chose(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """ES256 by default, another where it was registered."""
    for algorithm in TOKEN_ALGORITHMS:
        chosen = register(composition, id_token_signed_response_alg=algorithm)
        token = chosen.exchange(http, visitor.authorize(chosen)).get_json()["id_token"]
        header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
        assert header["alg"] == algorithm


def test_scripts_of_a_public_clients_origin_may_read_token_answers(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """Only those: a confidential client's pages, and everyone else, get no CORS header."""
    register(composition, token_endpoint_auth_method="none", redirect_uris=["https://spa.example/cb"])
    register(composition)
    for path in ("/token", "/userinfo", "/revoke"):
        for origin, allowed in (("https://spa.example", True), ("https://portal.example", False), ("null", False)):
            response = http.options(path, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
            assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
            assert "Access-Control-Allow-Credentials" not in response.headers
    answer = http.post("/token", data={}, headers={"Origin": "https://spa.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://spa.example"
    assert (
        "Access-Control-Allow-Origin"
        not in http.options("/introspect", headers={"Origin": "https://spa.example"}).headers
    )


def test_a_code_that_came_too_late_leaves_no_family_behind(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """What a refusal commits is its record, and nothing half done beside it."""
    issued = visitor.authorize(party, scope="openid offline_access")
    with composition.database.transaction() as session:
        end_sessions_of(
            session,
            journal=composition.journal,
            person_id=visitor.person_id,
            reason="closed_by_person",
            now=composition.clock.now(),
        )
    assert party.exchange(http, issued).get_json()["error"] == "invalid_grant"
    with composition.database.reading() as session:
        assert session.scalars(select(TokenFamilyRow)).all() == []
