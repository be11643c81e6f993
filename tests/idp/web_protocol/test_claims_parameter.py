"""Single claims, asked for by name (OpenID Connect Core §5.5), for which the person is asked as for scopes."""

from __future__ import annotations

import json
from typing import Any

from flask.testing import FlaskClient

from composition import Composition
from idp.clients.register import set_scopes
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, register


def _claims(**members: Any) -> str:
    return json.dumps(members)


def _get(http: FlaskClient, tokens: dict[str, Any]) -> Any:
    return http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})


def test_a_claim_goes_where_it_was_asked_for(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> None:
    """§5.5: into the ID token, into UserInfo, and nowhere else; no scope is given beside it."""
    wanted = _claims(userinfo={"given_name": {"essential": True}}, id_token={"cedula": None})
    tokens = party.exchange(http, visitor.authorize(party, scope="openid", claims=wanted)).get_json()
    assert tokens["scope"] == "openid"
    said = party.claims(tokens["id_token"])
    assert said["cedula"] == "1710034065"
    assert "given_name" not in said
    assert _get(http, tokens).get_json() == {"sub": visitor.person_id, "given_name": "Manuela"}


def test_the_person_is_asked_for_what_claims_name(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> None:
    """Asking by name is no way around consent: the page lists it, and silence does not give it."""
    visitor.authorize(party, scope="openid")
    wanted = _claims(userinfo={"cedula": None})
    silent = visitor.http.get(party.authorization_url(scope="openid", claims=wanted, prompt="none"))
    assert answer_of(silent)["error"] == "consent_required"
    page = visitor.http.get(
        visitor.http.get(party.authorization_url(scope="openid", claims=wanted)).headers["Location"]
    )
    assert "1710034065" in page.text
    refused = answer_of(visitor.decide(page, "deny"))
    assert refused["error"] == "access_denied"
    visitor.authorize(party, scope="openid", claims=wanted)
    again = visitor.http.get(party.authorization_url(scope="openid", claims=wanted, prompt="none"))
    assert "code" in answer_of(again)


def test_what_the_person_leaves_out_is_left_out(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> None:
    """§5.5.1: essential or not, a claim that is not there is no error."""
    wanted = _claims(userinfo={"email": {"essential": True}}, id_token={"email": {"essential": True}})
    for chosen in ((), ("email",)):
        code = visitor.authorize(party, scopes=chosen, scope="openid", claims=wanted, prompt="consent")
        tokens = party.exchange(http, code).get_json()
        assert ("email" in _get(http, tokens).get_json()) is bool(chosen)
        assert ("email" in party.claims(tokens["id_token"])) is bool(chosen)


def test_a_claim_of_a_scope_that_the_client_has_not_is_left_out(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """What an institution may know was decided at registration."""
    narrow = register(composition, scope="openid profile", optional_scope="", grant_types=["authorization_code"])
    wanted = _claims(userinfo={"cedula": {"essential": True}, "name": None}, id_token={"cedula": None})
    tokens = narrow.exchange(http, visitor.authorize(narrow, scope="openid", claims=wanted)).get_json()
    assert set(_get(http, tokens).get_json()) == {"sub", "name"}
    assert "cedula" not in narrow.claims(tokens["id_token"])


def test_tokens_die_with_the_scope_behind_a_claim(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """A scope that is taken from the client is taken from what was asked for by name, too."""
    wanted = _claims(userinfo={"cedula": None})
    tokens = party.exchange(http, visitor.authorize(party, scope="openid", claims=wanted)).get_json()
    assert _get(http, tokens).status_code == 200
    with composition.database.transaction() as session:
        set_scopes(
            session,
            journal=composition.journal,
            client_id=party.client_id,
            scopes=("openid", "profile", "email", "offline_access"),
            now=composition.clock.now(),
        )
    assert _get(http, tokens).status_code == 401


def test_a_narrowed_token_opens_no_claim_of_the_scopes_left_out(
    party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 6749 §6: fewer scopes at refresh; claims by name follow."""
    wanted = _claims(userinfo={"cedula": None, "given_name": None})
    scope = "openid cedula offline_access"
    tokens = party.exchange(http, visitor.authorize(party, scope=scope, claims=wanted)).get_json()
    assert set(_get(http, tokens).get_json()) == {"sub", "cedula", "given_name"}
    narrowed = party.refresh(http, tokens["refresh_token"], scope="openid").get_json()
    assert set(_get(http, narrowed).get_json()) == {"sub", "given_name"}


def test_claims_that_are_no_json_are_refused(party: RelyingParty, visitor: Visitor) -> None:
    """§3.1.2.6: invalid_request, told to the application."""
    for wanted in ("x", "[]", '{"userinfo": 1}'):
        assert answer_of(visitor.http.get(party.authorization_url(claims=wanted)))["error"] == "invalid_request"
    ignored = _claims(userinfo={"nickname": {"essential": True}}, other={})
    assert visitor.authorize(party, claims=ignored)
