"""What applications ask to be shown, and as whom people go on (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from idp.authentication.browser_session import step_up
from idp.clients.model import ClientRow
from idp.tokens.session_name import session_behind
from kernel.clock import ManualClock
from tests.idp.relying_party import RelyingParty, Visitor, add_visitor, answer_of, change, events


def _form(visitor: Visitor, path: str) -> tuple[str, dict[str, str]]:
    html = visitor.http.get(path).get_data(as_text=True)
    action = re.search(r'<form[^>]*action="([^"]+)"', html)
    assert action is not None, html
    return action[1], dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))


def _press(visitor: Visitor, path: str, account: str) -> str:
    action, fields = _form(visitor, path)
    return visitor.http.post(action, data={**fields, "account": account}).headers["Location"]


def test_select_account_asks_as_whom_to_go_on(party: RelyingParty, visitor: Visitor, clock: ManualClock) -> None:
    """The account that is logged in is offered by name, its cédula not in full; then all is as without the prompt."""
    visitor.authorize(party)
    clock.advance(timedelta(seconds=5))
    path = visitor.http.get(party.authorization_url(prompt="select_account")).headers["Location"]
    assert path.startswith("/authorize/resume/")
    html = visitor.http.get(path).get_data(as_text=True)
    assert "Manuela Sáenz Aizpuru" in html
    assert "1710034065" not in html
    assert 'id="continue"' in html
    assert 'id="other"' in html
    assert _press(visitor, path, "this") == path
    assert "code" in answer_of(visitor.http.get(path))


def test_another_account_logs_in_and_goes_on(
    composition: Composition, party: RelyingParty, visitor: Visitor, app: Flask, clock: ManualClock
) -> None:
    """The session that stands does not pass any more, and the login page does not name its person."""
    visitor.authorize(party)
    clock.advance(timedelta(seconds=5))
    path = visitor.http.get(party.authorization_url(prompt="select_account")).headers["Location"]
    clock.advance(timedelta(seconds=5))
    login = _press(visitor, path, "other")
    assert login == path.replace("/authorize/resume/", "/login/")
    page = visitor.http.get(login).get_data(as_text=True)
    assert "Manuela" not in page
    assert "1710034065" not in page.replace("Por ejemplo: 1710034065", "")
    other = add_visitor(composition, app, cedula="0926687856")
    other.http = visitor.http
    other.log_in()
    answer = answer_of(other.decide(visitor.http.get(path)))
    assert "code" in answer
    granted = events(composition, "idp:consent:granted")
    assert len(granted) == 2


def test_a_consent_cannot_be_pressed_before_the_account_is_chosen(
    party: RelyingParty, visitor: Visitor, clock: ManualClock
) -> None:
    """A prepared form does not go around the question."""
    clock.advance(timedelta(seconds=5))
    path = visitor.http.get(party.authorization_url(prompt="select_account")).headers["Location"]
    _, fields = _form(visitor, path)
    assert visitor.http.post(path, data={**fields, "decision": "allow"}).headers["Location"] == path


def test_where_nobody_is_logged_in_the_login_page_asks(
    composition: Composition, party: RelyingParty, app: Flask
) -> None:
    """And who has just logged in is not asked again."""
    visitor = add_visitor(composition, app)
    location = visitor.http.get(party.authorization_url(prompt="select_account")).headers["Location"]
    assert location.startswith("/login/")
    visitor.log_in()
    page = visitor.http.get(location.replace("/login/", "/authorize/resume/"))
    assert 'id="allow"' in page.get_data(as_text=True)


def test_the_choice_is_of_the_person_whom_the_page_showed(
    composition: Composition, party: RelyingParty, visitor: Visitor, app: Flask, clock: ManualClock
) -> None:
    """Another one has logged in meanwhile in this browser: the page comes again, with his name."""
    clock.advance(timedelta(seconds=5))
    path = visitor.http.get(party.authorization_url(prompt="select_account")).headers["Location"]
    action, fields = _form(visitor, path)
    form = {**fields, "person": "01" * 13, "account": "this"}
    assert visitor.http.post(action, data=form).headers["Location"] == path
    assert 'id="continue"' in visitor.http.get(path).get_data(as_text=True)


def test_create_leads_to_the_sign_up_and_back(
    composition: Composition, party: RelyingParty, visitor: Visitor, clock: ManualClock, app: Flask
) -> None:
    """Initiating User Registration 1.0 §4: also where somebody is logged in, who does not go on by himself."""
    visitor.authorize(party)
    clock.advance(timedelta(seconds=5))
    location = visitor.http.get(party.authorization_url(prompt="create")).headers["Location"]
    assert location.startswith("/signup?interaction=")
    page = visitor.http.get(location).get_data(as_text=True)
    interaction = location.partition("=")[2]
    assert f'name="interaction" value="{interaction}"' in page
    resume = f"/authorize/resume/{interaction}"
    assert visitor.http.get(resume).headers["Location"] == f"/login/{interaction}"
    new = add_visitor(composition, app, cedula="0926687856")
    new.http = visitor.http
    new.log_in()
    assert "code" in answer_of(new.decide(visitor.http.get(resume)))


def _claims(acr: object) -> str:
    return json.dumps({"id_token": {"acr": acr}})


def test_an_essential_acr_steps_up_and_is_stated(
    composition: Composition, party: RelyingParty, app: Flask, http: FlaskClient
) -> None:
    """OpenID Provider, rule 9; OpenID Connect Core §5.5.1.1."""
    visitor = add_visitor(composition, app)
    visitor.log_in(amr=("pwd",))
    visitor.authorize(party)
    strong = _claims({"essential": True, "values": ["urn:sau:acr:2fa"]})
    quiet = answer_of(visitor.http.get(party.authorization_url(claims=strong, prompt="none")))
    assert quiet["error"] == "login_required"
    assert visitor.http.get(party.authorization_url(claims=strong)).headers["Location"].startswith("/login/")
    visitor.log_in()
    for acr in ("urn:sau:acr:2fa", "urn:sau:acr:1fa"):
        url = party.authorization_url(claims=_claims({"essential": True, "value": acr}))
        code = answer_of(visitor.http.get(url))["code"]
        assert party.claims(party.exchange(http, code).get_json()["id_token"])["acr"] == acr


def test_an_essential_acr_that_cannot_be_met_is_an_error(
    composition: Composition, party: RelyingParty, visitor: Visitor
) -> None:
    """OpenID Provider, rule 9: never silently lower; a wish is no error."""
    visitor.authorize(party)
    essential = party.authorization_url(claims=_claims({"essential": True, "values": ["urn:other"]}))
    assert answer_of(visitor.http.get(essential))["error"] == "unmet_authentication_requirements"
    assert "code" in answer_of(visitor.http.get(party.authorization_url(claims=_claims({"values": ["urn:other"]}))))


def test_the_registered_age_of_a_login_forces_a_fresh_one(
    composition: Composition, party: RelyingParty, visitor: Visitor, clock: ManualClock
) -> None:
    """OpenID Connect Dynamic Client Registration §2: default_max_age; the parameter wins."""
    visitor.authorize(party)
    change(composition, party, default_max_age=60)
    clock.advance(timedelta(seconds=61))
    assert answer_of(visitor.http.get(party.authorization_url(prompt="none")))["error"] == "login_required"
    assert "code" in answer_of(visitor.http.get(party.authorization_url(prompt="none", max_age="100")))


@pytest.mark.parametrize(
    "changes",
    [
        {"display": "popup"},
        {"display": "page"},
        {"claims_locales": "se"},
        {"ui_locales": "se"},
        {"login_hint": "buffy@portal.example"},
        {"acr_values": "1 2"},
        {"extra": "foobar"},
    ],
)
def test_wishes_that_we_do_not_know_do_no_harm(
    party: RelyingParty, visitor: Visitor, changes: dict[str, str | None]
) -> None:
    """OpenID Connect Core §3.1.2.1: as the certification of the basic profile sends them."""
    visitor.authorize(party)
    assert "code" in answer_of(visitor.http.get(party.authorization_url(**changes)))


def test_a_resource_asks_for_a_stronger_login_and_gets_it(
    composition: Composition, party: RelyingParty, app: Flask, http: FlaskClient
) -> None:
    """RFC 9470 §3, §4, §5: challenge, step-up of the same person in the same session, a token that opens."""
    visitor = add_visitor(composition, app)
    session = visitor.log_in(amr=("pwd",))
    weak = party.exchange(http, visitor.authorize(party)).get_json()["access_token"]
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {weak}"}).status_code == 200
    with composition.database.transaction() as transaction:
        transaction.get_one(ClientRow, party.client_id).minimum_acr = "urn:sau:acr:2fa"
        transaction.get_one(ClientRow, party.client_id).version += 1
    refused = http.get("/userinfo", headers={"Authorization": f"Bearer {weak}"})
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    asked = re.search(r'acr_values="([^"]+)"', challenge)
    assert asked is not None
    location = visitor.http.get(party.authorization_url(acr_values=asked[1])).headers["Location"]
    assert location.startswith("/login/")
    with composition.database.transaction() as transaction:
        _, secret = step_up(
            transaction, journal=composition.journal, sid=session.sid, method="otp", now=composition.clock.now()
        )
    visitor.http.set_cookie("sau_session", secret, domain="localhost")
    code = answer_of(visitor.http.get(location.replace("/login/", "/authorize/resume/")))["code"]
    tokens = party.exchange(http, code).get_json()
    claims = party.claims(tokens["id_token"])
    assert claims["acr"] == "urn:sau:acr:2fa"
    assert session_behind(composition.idp, party.client_id, claims["sid"]) == session.sid
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert http.get("/userinfo", headers=bearer).status_code == 200
    assert ("refused", "weak_login", party.client_id) in events(composition, "idp:userinfo:refused")
