"""A service asks for a token with an assertion about itself (RFC 7523 §2.1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from composition import Composition
from kernel.clock import ManualClock
from kernel.errors import Rejected
from kernel.identifiers import new_secret
from tests.idp.dpop import Holder
from tests.idp.relying_party import RelyingParty, Visitor, events, register

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
API = "https://api.example/"
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
METADATA: dict[str, Any] = {
    "redirect_uris": [],
    "post_logout_redirect_uris": [],
    "grant_types": [JWT_BEARER],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": {"keys": [KEY.as_dict(private=False)]},
    "scope": "datos.leer",
    "optional_scope": "",
    "resources": [API],
}


@pytest.fixture
def service(composition: Composition, app: Flask) -> RelyingParty:
    """A service with a key."""
    return register(composition, **METADATA)


def _ask(
    service: RelyingParty,
    http: FlaskClient,
    key: ECKey = KEY,
    headers: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
    **changes: Any,
) -> TestResponse:
    at = int(service.composition.clock.now().timestamp())
    claims = {
        "iss": service.client_id,
        "sub": service.client_id,
        "aud": "http://localhost:8000",
        "jti": new_secret(16),
        "iat": at,
        "exp": at + 60,
    } | changes
    assertion = jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)
    return http.post("/token", data={"grant_type": JWT_BEARER, "assertion": assertion} | (form or {}), headers=headers)


def test_an_assertion_about_itself_gives_a_service_its_token(
    composition: Composition, service: RelyingParty, http: FlaskClient
) -> None:
    """Nothing else is needed; the token is the service's own, for the API that it registered."""
    answer = _ask(service, http)
    assert answer.status_code == 200
    claims = service.claims(answer.get_json()["access_token"])
    assert (claims["sub"], claims["client_id"], claims["aud"]) == (service.client_id, service.client_id, API)
    assert claims["scope"] == "datos.leer"
    assert "refresh_token" not in answer.get_json()
    assert events(composition, "idp:token:issued") == [("success", None, service.client_id)]


def test_nobody_speaks_of_a_person_or_of_another(
    composition: Composition, service: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """The decision: ``sub`` is the service itself. A citizen is only ever there by his own login."""
    other = register(composition, **METADATA | {"client_name": "Otro"})
    for subject in (visitor.person_id, "1710034065", other.client_id):
        refused = _ask(service, http, sub=subject)
        assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_grant")


def test_what_is_wrong_with_an_assertion_is_an_invalid_grant(
    composition: Composition, service: RelyingParty, http: FlaskClient
) -> None:
    """§3, §3.1: another key, issuer or audience, expired, used before."""
    at = int(composition.clock.now().timestamp())
    for changes in ({"iss": "x"}, {"aud": "https://otra.example"}, {"exp": at}, {"exp": at + 9_000}):
        assert _ask(service, http, **changes).get_json()["error"] == "invalid_grant"
    assert _ask(service, http, key=ECKey.generate_key("P-256")).get_json()["error"] == "invalid_grant"
    assert _ask(service, http, jti="once").status_code == 200
    assert _ask(service, http, jti="once").get_json()["error"] == "invalid_grant"
    refused = [event for event in events(composition, "idp:client:authenticated") if event[0] == "refused"]
    assert len(refused) == 6


def test_one_way_to_say_who_it_is(service: RelyingParty, http: FlaskClient) -> None:
    """RFC 6749 §2.3; its ``client_id`` alone may stand beside the assertion, if it is the same."""
    assert _ask(service, http, headers=service.basic("x")).get_json()["error"] == "invalid_request"
    assert _ask(service, http, form={"client_secret": "x"}).get_json()["error"] == "invalid_request"
    assert http.post("/token", data={"grant_type": JWT_BEARER}).get_json()["error"] == "invalid_request"
    assert _ask(service, http, form={"client_id": "x"}).get_json()["error"] == "invalid_grant"
    assert _ask(service, http, form={"client_id": service.client_id}).status_code == 200


def test_it_must_be_registered_and_stays_within_what_is(
    composition: Composition, service: RelyingParty, http: FlaskClient
) -> None:
    """``unauthorized_client``, ``invalid_scope``, ``invalid_target``; and registration asks for key and API."""
    without = register(composition, **METADATA | {"grant_types": ["client_credentials"]})
    assert _ask(without, http).get_json()["error"] == "unauthorized_client"
    assert _ask(service, http, form={"scope": "datos.borrar"}).get_json()["error"] == "invalid_scope"
    assert _ask(service, http, form={"resource": "https://otra.example"}).get_json()["error"] == "invalid_target"
    for changes in ({"token_endpoint_auth_method": "client_secret_basic"}, {"resources": [], "scope": ""}):
        with pytest.raises(Rejected):
            register(composition, **METADATA | changes)


def test_it_can_be_bound(composition: Composition, service: RelyingParty, http: FlaskClient) -> None:
    """RFC 9449 §5."""
    holder = Holder(composition)
    answer = _ask(service, http, headers=holder.headers()).get_json()
    assert answer["token_type"] == "DPoP"
    assert service.claims(answer["access_token"])["cnf"] == {"jkt": holder.jkt}


def test_a_clock_that_leads_is_forgiven_a_little(service: RelyingParty, http: FlaskClient, clock: ManualClock) -> None:
    """As for client authentication: 8 s, not 60."""
    ahead = [int((clock.now() + timedelta(seconds=seconds)).timestamp()) for seconds in (8, 60)]
    assert _ask(service, http, iat=ahead[0]).status_code == 200
    assert _ask(service, http, iat=ahead[1]).get_json()["error"] == "invalid_grant"
