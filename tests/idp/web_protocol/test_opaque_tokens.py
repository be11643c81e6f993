"""Opaque access tokens: nothing to read, everything else as with JWTs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from composition import Composition
from idp.tokens.jobs import periodic_jobs
from idp.tokens.model import OpaqueTokenRow
from kernel.clock import ManualClock
from kernel.identifiers import sha256_hex
from tests.idp.dpop import Holder
from tests.idp.relying_party import RelyingParty, Visitor, change, register

API = "https://api.example/"
SERVICE = {
    "redirect_uris": [],
    "post_logout_redirect_uris": [],
    "grant_types": ["client_credentials"],
    "scope": "",
    "optional_scope": "",
    "resources": [API],
}


@pytest.fixture
def opaque(composition: Composition, app: Flask) -> RelyingParty:
    """An application that registered opaque tokens."""
    return register(composition, access_token_format="opaque")


def test_userinfo_introspection_and_revocation_take_it(
    composition: Composition, opaque: RelyingParty, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """256 bits, kept as a digest; what introspection says is what a JWT would carry."""
    token = opaque.exchange(http, visitor.authorize(opaque)).get_json()["access_token"]
    assert len(token) == 43
    assert "." not in token
    with composition.database.reading() as session:
        assert session.scalars(select(OpaqueTokenRow.token_sha256)).all() == [sha256_hex(token)]
    bearer = {"Authorization": f"Bearer {token}"}
    assert http.get("/userinfo", headers=bearer).get_json()["sub"] == visitor.person_id
    seen = http.post("/introspect", data={"token": token}, headers=opaque.basic()).get_json()
    assert (seen["active"], seen["client_id"], seen["scope"]) == (True, opaque.client_id, "openid profile")
    assert {"jti", "iat", "exp", "aud", "acr", "auth_time", "iss"} < set(seen)
    http.post("/revoke", data={"token": token}, headers=opaque.basic())
    assert http.get("/userinfo", headers=bearer).status_code == 401


def test_it_expires_and_is_forgotten(
    composition: Composition, opaque: RelyingParty, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """Five minutes; the cleaning job removes the row."""
    token = opaque.exchange(http, visitor.authorize(opaque)).get_json()["access_token"]
    clock.advance(timedelta(minutes=5))
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    (clean,) = [job for job in periodic_jobs(composition.idp) if job.name == "idp.expired_tokens"]
    clean.run()
    with composition.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(OpaqueTokenRow)) == 0


@pytest.mark.parametrize(("of_api", "of_client"), [("opaque", "jwt"), ("jwt", "opaque")])
def test_the_api_or_the_client_chooses_it(
    composition: Composition, app: Flask, http: FlaskClient, of_api: str, of_client: str
) -> None:
    """Whoever wants nothing to be readable is heard."""
    api = register(composition, resource=API, access_token_format=of_api)
    service = register(composition, **SERVICE | {"access_token_format": of_client})
    form = {"grant_type": "client_credentials"}
    token = http.post("/token", data=form, headers=service.basic()).get_json()["access_token"]
    assert "." not in token
    seen = http.post("/introspect", data={"token": token}, headers=api.basic()).get_json()
    assert (seen["active"], seen["sub"]) == (True, service.client_id)


def test_it_is_bound_to_a_key_too(
    composition: Composition, opaque: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 9449 §6.2: ``cnf`` is in what introspection says."""
    holder = Holder(composition)
    code = visitor.authorize(opaque)
    token = opaque.exchange(http, code, opaque.basic() | holder.headers()).get_json()["access_token"]
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert http.get("/userinfo", headers=holder.showing(token)).status_code == 200
    seen = http.post("/introspect", data={"token": token}, headers=opaque.basic()).get_json()
    assert (seen["token_type"], seen["cnf"]) == ("DPoP", {"jkt": holder.jkt})


def test_a_jwt_says_what_rfc_9068_asks(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> None:
    """RFC 9068 §2.2: required claims, and those about the login."""
    claims = party.claims(party.exchange(http, visitor.authorize(party)).get_json()["access_token"])
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} < set(claims)
    assert {"auth_time", "acr", "amr", "scope"} < set(claims)


def test_a_jwt_names_the_person_as_the_application_knows_him(
    composition: Composition, app: Flask, visitor: Visitor, http: FlaskClient
) -> None:
    """OpenID Connect Core §8.1, RFC 9068 §5: a pairwise application learns the public name nowhere."""
    pair = register(composition)
    change(composition, pair, subject_type="pairwise")
    given = pair.exchange(http, visitor.authorize(pair, scope="openid offline_access")).get_json()
    named = pair.claims(given["access_token"])["sub"]
    assert named != visitor.person_id
    for token in (given["access_token"], given["refresh_token"]):
        seen = http.post("/introspect", data={"token": token}, headers=pair.basic()).get_json()
        assert seen["sub"] == named
