"""Resource indicators through the endpoints (RFC 8707): tokens for APIs, and what people are asked about them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from composition import Composition
from idp.clients.register import set_scopes
from kernel.errors import Rejected
from tests.idp.relying_party import METADATA, RelyingParty, Visitor, answer_of, change, register

TAXES, LAND = "https://impuestos.example/api", "https://predios.example/api"
READ, PAY = "predial.leer", "predial.pagar"


@pytest.fixture
def api(composition: Composition) -> RelyingParty:
    """An API with two scopes."""
    words = {READ: "Leer su impuesto predial", PAY: "Pagar su impuesto predial"}
    return register(composition, client_name="API de impuestos", resource=TAXES, resource_scopes=words)


@pytest.fixture
def portal(composition: Composition, api: RelyingParty) -> RelyingParty:
    """An application that acts for people at two APIs."""
    register(composition, client_name="API de predios", resource=LAND)
    return register(composition, scope=f"{METADATA['scope']} {READ}", resources=[TAXES, LAND])


def _authorize(visitor: Visitor, portal: RelyingParty, *resources: str, **changes: str | None) -> str:
    query = [*portal.parameters(**changes).items(), *(("resource", item) for item in resources)]
    response = visitor.http.get("/authorize?" + urlencode(query))
    if response.headers["Location"].startswith("/"):
        response = visitor.decide(visitor.http.get(response.headers["Location"]))
    return answer_of(response)["code"]


def _userinfo(http: FlaskClient, token: str) -> int:
    return http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code


def test_an_access_token_is_for_one_api_and_carries_its_scopes_only(
    visitor: Visitor, portal: RelyingParty, api: RelyingParty, http: FlaskClient
) -> None:
    """OpenID Provider, rule 8: one narrow ``aud``; UserInfo refuses it, the API's introspection knows it."""
    given = _authorize(visitor, portal, TAXES, scope=f"openid profile {READ}")
    tokens = portal.exchange(http, given).get_json()
    claims = portal.claims(tokens["access_token"])
    assert (claims["aud"], claims["scope"], tokens["scope"]) == (TAXES, READ, READ)
    assert _userinfo(http, tokens["access_token"]) == 401
    seen = http.post("/introspect", data={"token": tokens["access_token"]}, headers=api.basic()).get_json()
    assert (seen["active"], seen["aud"], seen["scope"]) == (True, TAXES, READ)


def test_each_refresh_chooses_among_what_was_granted(visitor: Visitor, portal: RelyingParty, http: FlaskClient) -> None:
    """§2.2: also our own UserInfo; a wrong one is refused and does not cost the refresh token."""
    scope = f"openid profile offline_access {READ}"
    tokens = portal.exchange(http, _authorize(visitor, portal, TAXES, LAND, scope=scope), resource=LAND).get_json()
    land = portal.claims(tokens["access_token"])
    assert land["aud"] == LAND
    wrong = portal.refresh(http, tokens["refresh_token"], resource="https://otra.example")
    assert (wrong.status_code, wrong.get_json()["error"]) == (400, "invalid_target")
    issuer = portal.composition.settings.issuer
    tokens = portal.refresh(http, tokens["refresh_token"], resource=f"{issuer}/userinfo").get_json()
    assert tokens["scope"] == "openid profile offline_access"
    assert _userinfo(http, tokens["access_token"]) == 200
    assert portal.claims(portal.refresh(http, tokens["refresh_token"]).get_json()["access_token"])["aud"] == TAXES


def test_what_was_given_ends_when_an_api_is_taken_from_the_application(
    composition: Composition, visitor: Visitor, portal: RelyingParty, http: FlaskClient
) -> None:
    """OpenID Provider, rule 7: at the next use, whichever API it is for: the person agreed to all of it together."""
    scope = f"openid profile offline_access {READ}"
    tokens = portal.exchange(http, _authorize(visitor, portal, TAXES, LAND, scope=scope), resource=LAND).get_json()
    change(composition, portal, resources=[LAND])
    refused = portal.refresh(http, tokens["refresh_token"], resource=LAND)
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_grant")
    seen = http.post("/introspect", data={"token": tokens["access_token"]}, headers=portal.basic()).get_json()
    assert seen == {"active": False}


def test_without_resource_the_token_is_for_userinfo(visitor: Visitor, portal: RelyingParty, http: FlaskClient) -> None:
    """And a scope of an API alone means the application's first API."""
    plain = portal.exchange(http, _authorize(visitor, portal)).get_json()
    assert _userinfo(http, plain["access_token"]) == 200
    meant = portal.exchange(http, _authorize(visitor, portal, scope=f"openid {READ}")).get_json()
    assert portal.claims(meant["access_token"])["aud"] == TAXES


def test_people_are_asked_in_the_words_of_the_api(visitor: Visitor, portal: RelyingParty, http: FlaskClient) -> None:
    """What was never asked is asked again: an API is not covered by a consent about one's name."""
    _authorize(visitor, portal, scope="openid profile")
    query = [*portal.parameters(scope=f"openid profile {READ}").items(), ("resource", TAXES)]
    response = visitor.http.get("/authorize?" + urlencode(query))
    page = visitor.http.get(response.headers["Location"]).get_data(as_text=True)
    for words in ("Leer su impuesto predial", "Actuar por usted en", "API de impuestos"):
        assert words in page
    assert READ not in page.replace(f'value="{READ}"', "")
    visitor.decide(visitor.http.get(response.headers["Location"]))
    assert "code" in answer_of(visitor.http.get("/authorize?" + urlencode(query)))


def test_a_lost_scope_or_a_wrong_api_at_the_code_gives_nothing(
    composition: Composition, visitor: Visitor, portal: RelyingParty, http: FlaskClient
) -> None:
    """OpenID Provider, rule 7 (scope removal), and §2.2."""
    wrong = portal.exchange(http, _authorize(visitor, portal, TAXES), resource=LAND)
    assert (wrong.status_code, wrong.get_json()["error"]) == (400, "invalid_target")
    scope = f"openid offline_access {READ}"
    tokens = portal.exchange(http, _authorize(visitor, portal, TAXES, scope=scope)).get_json()
    with composition.database.transaction() as session:
        set_scopes(
            session,
            journal=composition.journal,
            client_id=portal.client_id,
            scopes=tuple(METADATA["scope"].split()),
            now=composition.clock.now(),
        )
    assert portal.refresh(http, tokens["refresh_token"]).get_json()["error"] == "invalid_grant"


@pytest.mark.parametrize("resource", ["https://otra.example", TAXES + "/", "x" * 300])
def test_an_api_that_was_not_registered_is_refused_at_once(
    visitor: Visitor, portal: RelyingParty, resource: str
) -> None:
    """§2, ``invalid_target``: the application hears it by redirect."""
    query = [*portal.parameters().items(), ("resource", TAXES), ("resource", resource)]
    answer = answer_of(visitor.http.get("/authorize?" + urlencode(query)))
    assert (answer["error"], answer["iss"]) == ("invalid_target", portal.composition.settings.issuer)


def test_a_service_names_the_api_it_calls(composition: Composition, api: RelyingParty, http: FlaskClient) -> None:
    """RFC 6749 §4.4 with RFC 8707 §2: of those registered, with the scopes that mean something there."""
    service = register(
        composition,
        redirect_uris=[],
        post_logout_redirect_uris=[],
        grant_types=["client_credentials"],
        scope=f"{READ} otro.permiso",
        optional_scope="",
        resources=[LAND, TAXES],
    )

    def ask(**form: str) -> Any:
        form["grant_type"] = "client_credentials"
        return http.post("/token", data=form, headers=service.basic()).get_json()

    assert service.claims(ask()["access_token"])["aud"] == LAND
    claims = service.claims(ask(resource=TAXES)["access_token"])
    assert (claims["aud"], claims["scope"]) == (TAXES, READ)
    assert ask(resource="https://otra.example")["error"] == "invalid_target"


def test_what_people_cannot_be_told_in_words_is_not_registered(composition: Composition, api: RelyingParty) -> None:
    """RFC 7591 §3.2.2."""
    for metadata in (
        {"resources": ["https://nadie.example"]},
        {"resources": [TAXES], "scope": "openid predial.borrar"},
        {"resource_scopes": {READ: "Leer"}},
        {"resource": LAND, "resource_scopes": {"openid": "Leer"}},
        {"resource": LAND, "resource_scopes": {READ: ""}},
    ):
        with pytest.raises(Rejected):
            register(
                composition,
                **{"grant_types": ["authorization_code"], "scope": "openid", "optional_scope": ""} | metadata,
            )
