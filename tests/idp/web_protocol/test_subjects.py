"""Pairwise subjects: two applications cannot tell that they speak of the same person (OpenID Connect Core §8)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from composition import Composition
from kernel.identifiers import b64url_decode
from tests.idp.relying_party import RelyingParty, Visitor, add_visitor, answer_of, register

SCOPE = "openid profile offline_access"


def _pairwise(composition: Composition, host: str = "portal.example") -> RelyingParty:
    uri = f"https://{host}/cb"
    party = register(
        composition,
        subject_type="pairwise",
        redirect_uris=[uri],
        post_logout_redirect_uris=[f"https://{host}/bye"],
    )
    party.redirect_uri = uri
    return party


def _tokens(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> dict[str, Any]:
    tokens: dict[str, Any] = party.exchange(http, visitor.authorize(party, scope=SCOPE)).get_json()
    return tokens


def _userinfo(http: FlaskClient, tokens: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = http.get(
        "/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    ).get_json()
    return answer


def _payload(token: str) -> str:
    return b64url_decode(token.split(".")[1]).decode()


@pytest.fixture
def pairwise(composition: Composition, visitor: Visitor) -> RelyingParty:
    """An application that asked for subjects of its own."""
    return _pairwise(composition)


def test_every_answer_names_the_person_in_the_same_way(
    pairwise: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """§5.3.2: the sub of UserInfo is that of the ID token; access token and introspection do not differ."""
    tokens = _tokens(pairwise, visitor, http)
    subject = pairwise.claims(tokens["id_token"])["sub"]
    introspected = [
        http.post("/introspect", data={"token": tokens[name]}, headers=pairwise.basic()).get_json()["sub"]
        for name in ("access_token", "refresh_token")
    ]
    refreshed = pairwise.refresh(http, tokens["refresh_token"]).get_json()
    told = {
        subject,
        _userinfo(http, tokens)["sub"],
        json.loads(_payload(tokens["access_token"]))["sub"],
        pairwise.claims(refreshed["id_token"])["sub"],
        _userinfo(http, refreshed)["sub"],
        *introspected,
    }
    assert told == {subject}
    assert subject != visitor.person_id


def test_no_answer_holds_the_public_subject(pairwise: RelyingParty, visitor: Visitor, http: FlaskClient) -> None:
    """Not as sub and not anywhere else: one application's token must not be the key to another's data."""
    tokens = _tokens(pairwise, visitor, http)
    said = _payload(tokens["id_token"]) + _payload(tokens["access_token"]) + json.dumps(_userinfo(http, tokens))
    said += http.post("/introspect", data={"token": tokens["access_token"]}, headers=pairwise.basic()).text
    assert visitor.person_id not in said


def test_sectors_differ_and_a_sector_agrees(composition: Composition, visitor: Visitor, http: FlaskClient) -> None:
    """§8.1: by host."""
    subjects = [
        party.claims(_tokens(party, visitor, http)["id_token"])["sub"]
        for party in (_pairwise(composition), _pairwise(composition), _pairwise(composition, "other.example"))
    ]
    assert subjects[0] == subjects[1] != subjects[2]


def test_one_session_has_another_name_for_each_application(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """Core §17.1: two that compare what they hold, an access token's claims too, find nothing that joins a person."""
    held: list[list[dict[str, Any]]] = []
    for host in ("portal.example", "other.example"):
        party = _pairwise(composition, host)
        answer = party.exchange(http, visitor.authorize(party)).get_json()
        held.append([party.claims(answer["id_token"]), json.loads(_payload(answer["access_token"]))])
    for first, second in zip(*held, strict=True):
        joint = {name for name in first if first[name] == second.get(name)}
        assert joint <= {"iss", "aud", "iat", "exp", "nbf", "acr", "amr", "auth_time", "scope", "nonce"}
    assert held[0][0]["sid"] == held[0][1]["sid"]


def test_the_hint_of_a_pairwise_client_is_understood(
    pairwise: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """§3.1.2.1, RP-Initiated Logout §2: id_token_hint is compared by computing, at /authorize and at /logout."""
    tokens = _tokens(pairwise, visitor, http)
    silent = pairwise.authorization_url(scope=SCOPE, prompt="none", id_token_hint=tokens["id_token"])
    assert "code" in answer_of(visitor.http.get(silent))
    out = visitor.http.get(
        "/logout",
        query_string={
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": "https://portal.example/bye",
        },
    )
    assert out.status_code == 303
    assert out.headers["Location"] == "https://portal.example/bye"


def test_a_hint_about_somebody_else_is_refused(
    composition: Composition, pairwise: RelyingParty, visitor: Visitor, http: FlaskClient, app: Any
) -> None:
    """§3.1.2.1: login_required rather than the wrong person."""

    tokens = _tokens(pairwise, visitor, http)
    other = add_visitor(composition, app, cedula="1713175071")
    other.log_in()
    other.authorize(pairwise, scope=SCOPE)
    silent = pairwise.authorization_url(scope=SCOPE, prompt="none", id_token_hint=tokens["id_token"])
    assert answer_of(other.http.get(silent))["error"] == "login_required"
