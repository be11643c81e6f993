"""How rights reach an application: claims by scope, of the asking application alone, as they are at the moment."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from idp.accounts.person import Person
from idp.rights.catalog import declare_rights
from idp.rights.declaration import parse_declaration
from idp.web import mount
from kernel.clock import ManualClock
from keys.sealing import derive_secret
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, register
from tests.idp.rights.conftest import AGENCY, MINISTRY, Office, declared
from tests.idp.signing import make_signing_keys
from web.application import create_app

SCOPE = "openid roles permissions institution offline_access"
METADATA = {"scope": SCOPE, "optional_scope": ""}


@pytest.fixture
def flask_app(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The provider with signing keys."""
    make_signing_keys(composition, monkeypatch)
    app = create_app(
        settings=composition.settings,
        clock=composition.clock,
        secret_key=derive_secret(composition.sealing_secret, "flask-session"),
    )
    mount(app, composition.idp)
    return app


@pytest.fixture
def http(flask_app: Flask) -> FlaskClient:
    """An application's server."""
    return flask_app.test_client(use_cookies=False)


@pytest.fixture
def portal(composition: Composition, office: Office) -> RelyingParty:
    """An application that asks for rights and declared the roles of the tax application as its own."""
    party = register(composition, **METADATA)
    with composition.database.transaction() as session:
        declare_rights(
            session,
            journal=composition.journal,
            declaration=parse_declaration(declared(party.client_id)),
            actor="command",
            now=composition.clock.now(),
        )
    office.app = party
    return party


def _visitor(composition: Composition, app: Flask, person: Person) -> Visitor:
    visitor = Visitor(composition, app.test_client(), person.id)
    visitor.log_in()
    return visitor


def _told(portal: RelyingParty, http: FlaskClient, tokens: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the claims in ID token, access token, UserInfo and introspection."""
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    return [
        portal.claims(tokens["id_token"]),
        portal.claims(tokens["access_token"]),
        http.get("/userinfo", headers=bearer).get_json(),
        http.post("/introspect", data={"token": tokens["access_token"]}, headers=portal.basic()).get_json(),
    ]


def test_rights_are_in_every_answer_and_only_those_of_the_asking_application(
    composition: Composition, flask_app: Flask, http: FlaskClient, office: Office, portal: RelyingParty
) -> None:
    """ID token, JWT access token, UserInfo, introspection; another application's roles are never told."""
    servant = office.person(0)
    office.hire(servant)
    office.assign(servant, "reader")
    other = register(composition, **METADATA)
    with composition.database.transaction() as session:
        roles = [{"name": "secret", "es": "x", "en": "x"}]
        declaration = parse_declaration({"application": other.client_id, "institutions": "all", "roles": roles})
        declare_rights(session, journal=composition.journal, declaration=declaration, actor="command", now=office.now)
    office.app = other
    office.assign(servant, "secret")
    visitor = _visitor(composition, flask_app, servant)
    page = visitor.http.get(visitor.http.get(portal.authorization_url(scope=SCOPE)).headers["Location"])
    words = page.get_data(as_text=True)
    assert "reader" in words
    assert "invoice:read" in words
    assert "Ministerio de Prueba" in words, "consent shows the values"
    tokens = portal.exchange(http, answer_of(visitor.decide(page))["code"]).get_json()
    for told in _told(portal, http, tokens):
        assert told["roles"] == ["reader"], told
        assert told["permissions"] == ["invoice:read"]
        assert told["institution"] == {"ruc": MINISTRY, "name": "Ministerio de Prueba"}
    less = portal.exchange(http, visitor.authorize(portal, scope="openid roles")).get_json()
    for told in _told(portal, http, less):
        assert told["roles"] == ["reader"]
        assert {"permissions", "institution"} & set(told) == set()
    bare = portal.exchange(http, visitor.authorize(portal, scope="openid")).get_json()
    assert all("roles" not in told for told in _told(portal, http, bare))


def test_a_single_claim_is_asked_for_by_name(
    composition: Composition, flask_app: Flask, http: FlaskClient, office: Office, portal: RelyingParty
) -> None:
    """The claims parameter (OpenID Connect Core §5.5)."""
    servant = office.person(0)
    office.hire(servant)
    office.assign(servant, "reader")
    visitor = _visitor(composition, flask_app, servant)
    wanted = json.dumps({"id_token": {"permissions": None}})
    tokens = portal.exchange(http, visitor.authorize(portal, scope="openid", claims=wanted)).get_json()
    assert portal.claims(tokens["id_token"])["permissions"] == ["invoice:read"]
    assert "permissions" not in portal.claims(tokens["access_token"])


def test_a_change_reaches_introspection_at_once_and_tokens_at_refresh(
    composition: Composition, flask_app: Flask, http: FlaskClient, office: Office, portal: RelyingParty
) -> None:
    """No cache stands between the change and the answer."""
    servant = office.person(0)
    office.hire(servant)
    given = office.assign(servant, "reader")
    visitor = _visitor(composition, flask_app, servant)
    tokens = portal.exchange(http, visitor.authorize(portal, scope=SCOPE)).get_json()
    office.end(given)
    id_token, access_token, userinfo, introspection = _told(portal, http, tokens)
    assert (id_token["roles"], access_token["roles"]) == (["reader"], ["reader"])
    assert (userinfo["roles"], introspection["roles"]) == ([], [])
    fresh = portal.refresh(http, tokens["refresh_token"]).get_json()
    assert all(told["roles"] == [] for told in _told(portal, http, fresh))
    office.assign(servant, "auditor")
    fresh = portal.refresh(http, fresh["refresh_token"]).get_json()
    assert all(told["roles"] == ["auditor"] for told in _told(portal, http, fresh))


def _choose(visitor: Visitor, portal: RelyingParty, index: int, **changes: str) -> Any:
    """Open the page that asks for an institution, choose one, and return what comes next."""
    page = visitor.http.get(visitor.http.get(portal.authorization_url(scope=SCOPE, **changes)).headers["Location"])
    html = page.get_data(as_text=True)
    assert "¿Con qué institución entra?" in html
    action = re.search(r'<form[^>]*action="([^"]+)"', html)
    values = re.findall(r'name="institution" value="([^"]+)"', html)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))
    assert action is not None
    answer = visitor.http.post(action[1], data={**hidden, "institution": values[index]})
    return visitor.http.get(answer.headers["Location"])


def test_who_works_for_several_chooses_once_a_session(
    composition: Composition, flask_app: Flask, http: FlaskClient, office: Office, portal: RelyingParty
) -> None:
    """Only the chosen institution's roles are told; ``prompt=none`` says that a choice is due."""
    servant = office.person(0)
    office.hire(servant)
    office.hire(servant, office.agency)
    office.assign(servant, "reader")
    office.assign(servant, "auditor", office.agency)
    visitor = _visitor(composition, flask_app, servant)
    silent = answer_of(visitor.http.get(portal.authorization_url(scope=SCOPE, prompt="none")))
    assert silent["error"] == "account_selection_required"
    consent = _choose(visitor, portal, 0)  # by name: the agency
    assert "Agencia de Prueba" in consent.get_data(as_text=True)
    tokens = portal.exchange(http, answer_of(visitor.decide(consent))["code"]).get_json()
    for told in _told(portal, http, tokens):
        assert (told["roles"], told["institution"]["ruc"]) == (["auditor"], AGENCY)
    again = portal.exchange(http, visitor.authorize(portal, scope=SCOPE, prompt="none")).get_json()
    assert portal.claims(again["id_token"])["roles"] == ["auditor"], "remembered"
    named = portal.exchange(http, visitor.authorize(portal, scope=SCOPE, institution=MINISTRY)).get_json()
    assert portal.claims(named["id_token"])["roles"] == ["reader"]
    foreign = answer_of(visitor.http.get(portal.authorization_url(scope=SCOPE, institution="1768153530001")))
    assert foreign["error"] == "access_denied"
    assert office.events("idp:interaction:institution_chosen") == [("success", None)]


def test_a_forged_choice_is_asked_again(
    composition: Composition, flask_app: Flask, office: Office, portal: RelyingParty
) -> None:
    """An institution where the person does not work is never remembered."""
    servant = office.person(0)
    office.hire(servant)
    office.hire(servant, office.agency)
    visitor = _visitor(composition, flask_app, servant)
    path = visitor.http.get(portal.authorization_url(scope=SCOPE)).headers["Location"]
    html = visitor.http.get(path).get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))
    form = {**hidden, "institution": "X" * 26}
    answer = visitor.http.post(path.replace("resume", "institution"), data=form)
    assert "¿Con qué institución entra?" in visitor.http.get(answer.headers["Location"]).get_data(as_text=True)
    assert office.events("idp:interaction:institution_chosen") == []


def test_who_leaves_loses_sessions_and_tokens_of_that_institution_only(
    composition: Composition, flask_app: Flask, http: FlaskClient, office: Office, portal: RelyingParty
) -> None:
    """The session that carried the ministry's rights ends; the one that carried the agency's lives."""
    servant = office.person(0)
    ministry = office.hire(servant)
    office.hire(servant, office.agency)
    office.assign(servant, "reader")
    office.assign(servant, "auditor", office.agency)
    here, there = (_visitor(composition, flask_app, servant) for _ in range(2))
    tokens = {}
    for visitor, ruc in ((here, MINISTRY), (there, AGENCY)):
        tokens[ruc] = portal.exchange(http, visitor.authorize(portal, scope=SCOPE, institution=ruc)).get_json()
    departure = office.leave(ministry)
    assert (departure.sessions, departure.families) == (1, 1)
    assert portal.refresh(http, tokens[MINISTRY]["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert portal.refresh(http, tokens[AGENCY]["refresh_token"]).status_code == 200
    assert here.http.get(portal.authorization_url(scope=SCOPE)).headers["Location"].startswith("/login/")
    # Only the agency is left: nothing is asked any more.
    assert "code" in answer_of(there.http.get(portal.authorization_url(scope=SCOPE)))


def test_expired_rights_are_not_told(
    composition: Composition,
    flask_app: Flask,
    http: FlaskClient,
    office: Office,
    portal: RelyingParty,
    clock: ManualClock,
) -> None:
    """The clock alone ends them."""
    servant = office.person(0)
    office.hire(servant)
    office.assign(servant, "reader", valid_until=office.now + timedelta(minutes=2))
    visitor = _visitor(composition, flask_app, servant)
    tokens = portal.exchange(http, visitor.authorize(portal, scope=SCOPE)).get_json()
    clock.advance(timedelta(minutes=2))
    assert _told(portal, http, tokens)[3]["roles"] == []
