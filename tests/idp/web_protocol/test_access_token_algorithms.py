"""Access tokens are signed by ES256, or by RS256 where the API or the application registered it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet

from composition import Composition
from tests.idp.relying_party import RelyingParty, Visitor, register

API = "https://api.example/"
SERVICE: dict[str, Any] = {
    "redirect_uris": [],
    "post_logout_redirect_uris": [],
    "grant_types": ["client_credentials"],
    "scope": "",
    "optional_scope": "",
    "resources": [API],
}


def _header(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    return header


@pytest.mark.parametrize(
    ("of_api", "of_client", "signed_by"),
    [
        (None, None, "ES256"),
        ("RS256", None, "RS256"),
        (None, "RS256", "RS256"),
        ("ES256", "RS256", "RS256"),
        ("ES256", "ES256", "ES256"),
    ],
)
def test_es256_by_default_rs256_where_the_api_or_the_application_registered_it(
    composition: Composition, app: Flask, http: FlaskClient, of_api: str | None, of_client: str | None, signed_by: str
) -> None:
    """RFC 9068 §2.1: every resource server knows RS256. The published keys verify it, in another's library."""
    name = "access_token_signed_response_alg"
    api = register(composition, resource=API, **({name: of_api} if of_api else {}))
    service = register(composition, **SERVICE, **({name: of_client} if of_client else {}))
    answer = http.post("/token", data={"grant_type": "client_credentials"}, headers=service.basic())
    token = answer.get_json()["access_token"]
    header = _header(token)
    assert (header["alg"], header["typ"]) == (signed_by, "at+jwt")
    keys = KeySet.import_key_set(http.get("/jwks").get_json())
    assert jwt.decode(token, keys, algorithms=[signed_by]).claims["aud"] == API
    seen = http.post("/introspect", data={"token": token}, headers=api.basic()).get_json()
    assert (seen["active"], seen["sub"]) == (True, service.client_id)


def test_userinfo_opens_by_rs256_too(composition: Composition, app: Flask, visitor: Visitor, http: FlaskClient) -> None:
    """And a token whose signature or payload was changed opens nothing."""
    party: RelyingParty = register(composition, access_token_signed_response_alg="RS256")
    tokens = party.exchange(http, visitor.authorize(party)).get_json()
    assert _header(tokens["access_token"])["alg"] == "RS256"
    assert _header(tokens["id_token"])["alg"] == "ES256"
    seen = http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert seen.get_json()["sub"] == visitor.person_id
    header, payload, signature = tokens["access_token"].split(".")
    swapped = f"{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    for wrong in (f"{header}.{payload}.{swapped}", f"{header}.{payload[:-4]}.{signature}", f"{header}.{payload}."):
        assert http.get("/userinfo", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401


def test_a_token_of_one_of_our_keys_for_other_purposes_opens_nothing(
    composition: Composition, app: Flask, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 9068 §4, RFC 8725 §3.11: an ID token by RS256 is no access token."""
    party = register(composition, id_token_signed_response_alg="RS256", access_token_signed_response_alg="RS256")
    id_token = party.exchange(http, visitor.authorize(party)).get_json()["id_token"]
    assert _header(id_token)["alg"] == "RS256"
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {id_token}"}).status_code == 401
