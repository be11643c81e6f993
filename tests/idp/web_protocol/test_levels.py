"""Levels of identity as ``acr``: asked for in every way, stated as asked, and gone at once when taken back."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from idp.accounts.life import verify_identity
from idp.web.discovery import metadata
from kernel.settings import Settings
from tests.idp.call_centre import METADATA as CALL_CENTRE
from tests.idp.call_centre import CallCentre
from tests.idp.device import add_television, press, type_code
from tests.idp.levels.civil_registry import ANSWERS, RegistryInMemory
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, register

ONE, TWO, THREE = (f"urn:sau:acr:level{number}" for number in (1, 2, 3))
STRONG = "urn:sau:acr:2fa"


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> RegistryInMemory:
    """The civil registry that this service asks."""
    registry = RegistryInMemory()
    monkeypatch.setattr("composition.open_registry", lambda *_settings, **_more: registry)
    return registry


def verify(composition: Composition, visitor: Visitor, level: int = 2) -> None:
    """Verify the visitor's identity, or take it back."""
    with composition.database.transaction() as session:
        verify_identity(
            session,
            services=composition.idp,
            person_id=visitor.person_id,
            level=level,
            actor="desk",
            now=composition.clock.now(),
        )


def tokens(http: FlaskClient, visitor: Visitor, party: RelyingParty, **changes: str | None) -> dict[str, Any]:
    """Return the token response of an authorization."""
    response = party.exchange(http, visitor.authorize(party, **changes))
    assert response.status_code == 200, response.get_data(as_text=True)
    answer: dict[str, Any] = response.get_json()
    return answer


def send(visitor: Visitor, page: str, path: str, **form: str) -> str:
    """Send a form of the page and return where it leads."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None, page
    response = visitor.http.post(path, data={"csrf_token": token[1], **form})
    assert response.status_code == 303, response.text
    return response.headers["Location"]


def essential(*values: str) -> str:
    """Return a ``claims`` parameter that makes these values essential."""
    return json.dumps({"id_token": {"acr": {"essential": True, "values": values}}})


def test_levels_are_announced_beside_strengths(settings: Settings) -> None:
    """Level 3 only where certificates are presented."""
    told = metadata("https://sau.example")["acr_values_supported"]
    assert told == ["urn:sau:acr:1fa", STRONG, ONE, TWO]
    told = metadata("https://sau.example", "https://mtls.sau.example")["acr_values_supported"]
    assert told[-3:] == [ONE, TWO, THREE]


@pytest.mark.parametrize(
    ("asked", "stated"),
    [
        ({"acr_values": TWO}, TWO),
        ({"acr_values": ONE}, TWO),
        ({"acr_values": STRONG}, STRONG),
        ({}, STRONG),
        ({"claims": essential(ONE)}, ONE),
        ({"claims": essential(STRONG, TWO)}, TWO),
        ({"acr_values": f"urn:other {TWO}"}, TWO),
    ],
    ids=["level 2", "level 1", "strength", "nothing", "essential level", "essential either", "unknown first"],
)
def test_acr_answers_in_the_vocabulary_that_was_asked(
    composition: Composition,
    http: FlaskClient,
    visitor: Visitor,
    party: RelyingParty,
    asked: dict[str, str],
    stated: str,
) -> None:
    """ID token, access token and introspection say the same."""
    verify(composition, visitor)
    given = tokens(http, visitor, party, **asked)
    assert party.claims(given["id_token"])["acr"] == stated
    assert party.claims(given["access_token"])["acr"] == stated
    seen = http.post("/introspect", data={"token": given["access_token"]}, headers=party.basic()).get_json()
    assert seen["acr"] == stated


def test_taking_a_level_back_ends_what_was_given_by_it(
    composition: Composition, http: FlaskClient, visitor: Visitor, party: RelyingParty
) -> None:
    """At once: code, tokens, refresh, session; what was stated as a strength lives on."""
    verify(composition, visitor)
    leveled = tokens(http, visitor, party, scope="openid profile offline_access", prompt="consent", acr_values=TWO)
    plain = tokens(http, visitor, party, scope="openid profile offline_access", prompt="consent")
    code = visitor.authorize(party, acr_values=TWO)
    verify(composition, visitor, level=1)
    bearer = {"Authorization": f"Bearer {leveled['access_token']}"}
    assert http.get("/userinfo", headers=bearer).status_code == 401
    seen = http.post("/introspect", data={"token": leveled["access_token"]}, headers=party.basic()).get_json()
    assert seen == {"active": False}
    assert party.refresh(http, leveled["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert party.exchange(http, code).get_json()["error"] == "invalid_grant"
    assert party.refresh(http, plain["refresh_token"]).status_code == 200
    asked = visitor.http.get(party.authorization_url(acr_values=TWO, prompt="none"))
    assert answer_of(asked)["error"] == "unmet_authentication_requirements"


def test_a_person_of_level_1_is_shown_the_ways_raises_himself_and_is_back(
    composition: Composition, visitor: Visitor, party: RelyingParty, http: FlaskClient
) -> None:
    """Step-up for identity: which ways there are, the check, and the request goes on where it stood."""
    step = visitor.http.get(party.authorization_url(acr_values=TWO)).headers["Location"]
    page = visitor.http.get(step).get_data(as_text=True)
    assert "Este servicio necesita nivel 2" in page
    assert "2 formas de obtenerlo" in page
    assert "certificado personal" not in page, "none is presented here"
    check = re.search(r'href="(/account/level/check\?interaction=[^"]+)"', page)
    assert check is not None
    asked = visitor.http.get(check[1]).text
    back = send(visitor, asked, "/account/level/check", interaction=check[1].partition("=")[2], **ANSWERS)
    assert back == urlsplit(step).path
    resumed = visitor.http.get(visitor.http.get(step).headers["Location"])
    code = answer_of(visitor.decide(resumed))["code"]
    assert party.claims(party.exchange(http, code).get_json()["id_token"])["acr"] == TWO


def test_who_does_not_want_to_raise_his_level_goes_back_with_the_right_error(
    visitor: Visitor, party: RelyingParty
) -> None:
    """OpenID Connect Core Unmet Authentication Requirements 1.0; a second press of the button says the same."""
    step = visitor.http.get(party.authorization_url(acr_values=TWO)).headers["Location"]
    left = send(visitor, visitor.http.get(step).text, f"{step}/cancel")
    for _ in range(2):
        assert answer_of(visitor.http.get(left))["error"] == "unmet_authentication_requirements"


def test_without_a_page_the_application_hears_why(visitor: Visitor, party: RelyingParty) -> None:
    """``prompt=none``: the login is there, only the identity is not verified; a weak login is another matter."""
    asked = visitor.http.get(party.authorization_url(acr_values=TWO, prompt="none"))
    assert answer_of(asked)["error"] == "unmet_authentication_requirements"
    visitor.log_in(("pwd",))
    asked = visitor.http.get(party.authorization_url(acr_values=TWO, prompt="none"))
    assert answer_of(asked)["error"] == "login_required"


def test_a_weak_login_steps_up_before_it_is_asked_who_it_is(
    composition: Composition, visitor: Visitor, party: RelyingParty
) -> None:
    """Level 2 asks for two factors: with a password alone nobody is verified."""
    visitor.log_in(("pwd",))
    step = visitor.http.get(party.authorization_url(acr_values=TWO)).headers["Location"]
    assert "second-steps" in visitor.http.get(step).headers["Location"]
    verify(composition, visitor)
    assert "second-steps" in visitor.http.get(step).headers["Location"]


def test_a_registered_minimum_may_be_a_level_and_userinfo_asks_for_it(
    composition: Composition, app: Flask, http: FlaskClient, visitor: Visitor
) -> None:
    """``default_acr_values``; RFC 9470 at UserInfo once the level is taken back, whatever vocabulary was asked."""
    party = register(composition, default_acr_values=[TWO])
    step = visitor.http.get(party.authorization_url()).headers["Location"]
    assert "nivel 2" in visitor.http.get(step).get_data(as_text=True)
    verify(composition, visitor)
    assert party.claims(tokens(http, visitor, party)["id_token"])["acr"] == TWO
    given = tokens(http, visitor, party, acr_values=STRONG)
    assert party.claims(given["id_token"])["acr"] == STRONG
    bearer = {"Authorization": f"Bearer {given['access_token']}"}
    assert http.get("/userinfo", headers=bearer).status_code == 200
    verify(composition, visitor, level=1)
    refused = http.get("/userinfo", headers=bearer)
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert f'acr_values="{TWO}"' in challenge


def test_a_pushed_request_may_ask_for_a_level(
    composition: Composition, http: FlaskClient, visitor: Visitor, party: RelyingParty
) -> None:
    """RFC 9126: as any other parameter."""
    verify(composition, visitor)
    pushed = http.post("/par", data=party.parameters(acr_values=TWO), headers=party.basic()).get_json()
    url = f"/authorize?client_id={party.client_id}&request_uri={pushed['request_uri']}"
    response = visitor.http.get(url)
    if response.headers["Location"].startswith("/"):
        response = visitor.decide(visitor.http.get(response.headers["Location"]))
    given = party.exchange(http, answer_of(response)["code"]).get_json()
    assert party.claims(given["id_token"])["acr"] == TWO


def test_a_device_and_a_call_centre_may_ask_for_a_level(
    composition: Composition, app: Flask, http: FlaskClient, visitor: Visitor
) -> None:
    """RFC 8628, CIBA: who decides has the level, or is shown the ways to it; the answer is in levels too."""
    television = add_television(composition, http)
    centre = CallCentre(register(composition, **CALL_CENTRE), http)
    waiting = centre.ask(acr_values=TWO)
    [path] = set(re.findall(r"/account/solicitudes/[0-9a-z]{26}", visitor.http.get("/account/solicitudes").text))
    page = visitor.http.get(path).text
    assert "Este servicio necesita nivel 2" in visitor.http.get(send(visitor, page, path, decision="allow")).text
    verify(composition, visitor)
    assert send(visitor, page, path, decision="allow").endswith("done=allowed")
    given = centre.poll(waiting["auth_req_id"]).get_json()
    assert centre.party.claims(given["id_token"])["acr"] == TWO
    asked = television.ask(acr_values=TWO)
    press(visitor, type_code(visitor, asked["user_code"]), "allow")
    given = television.poll(asked["device_code"]).get_json()
    assert centre.party.claims(given["id_token"])["acr"] == TWO
