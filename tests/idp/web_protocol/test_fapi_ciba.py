"""FAPI-CIBA: what the certification profile's modules ask of an authorization server, each by a test of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey

from composition import Composition
from idp.clients.client import find_client
from idp.clients.policy import CIBA
from idp.clients.registration.client_registration import ClientRegistration
from kernel.clock import ManualClock
from kernel.errors import Rejected
from kernel.identifiers import b64url
from tests.idp.call_centre import METADATA, SigningCallCentre, approvals_of, press
from tests.idp.dpop import Holder
from tests.idp.relying_party import Visitor, at, events, register

METADATA_OF_FAPI: dict[str, Any] = METADATA | {
    "policy": "fapi-ciba",
    "token_endpoint_auth_method": "private_key_jwt",
    "backchannel_authentication_request_signing_alg": "ES256",
}


@pytest.fixture
def centre(composition: Composition, app: Flask, http: FlaskClient) -> SigningCallCentre:
    """A client of the policy."""
    return _register(composition, http)


def _register(composition: Composition, http: FlaskClient, **metadata: Any) -> SigningCallCentre:
    key = ECKey.generate_key("P-256")
    key.ensure_kid()
    jwks = {"keys": [key.as_dict(private=False)]}
    party = register(composition, **(METADATA_OF_FAPI | {"jwks": jwks} | metadata))
    return SigningCallCentre(composition, http, party.client_id, key)


def _poll(centre: SigningCallCentre, auth_req_id: str, holder: Holder | None, **more: str) -> Any:
    form = {"grant_type": CIBA, "auth_req_id": auth_req_id, **centre.assertion(), **more}
    return centre.http.post("/token", data=form, headers=holder.headers() if holder else {})


def test_a_signed_request_gives_bound_tokens(
    composition: Composition, centre: SigningCallCentre, visitor: Visitor
) -> None:
    """The happy path: signed request, binding message, approval, sender-constrained tokens."""
    holder = Holder(composition)
    asked = centre.ask()
    assert _poll(centre, asked["auth_req_id"], holder).get_json()["error"] == "authorization_pending"
    press(visitor, approvals_of(visitor)[0], "allow")
    tokens = _poll(centre, asked["auth_req_id"], holder).get_json()
    assert tokens["token_type"] == "DPoP", tokens
    userinfo = centre.http.get("/userinfo", headers=holder.showing(tokens["access_token"]))
    assert userinfo.get_json()["given_name"] == "Manuela"
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert centre.http.get("/userinfo", headers=bearer).status_code == 401


def test_without_a_key_there_are_no_tokens(
    composition: Composition, centre: SigningCallCentre, visitor: Visitor
) -> None:
    """Holder of key is required; the refused request is not used up."""
    asked = centre.ask()
    press(visitor, approvals_of(visitor)[0], "allow")
    response = _poll(centre, asked["auth_req_id"], None)
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")
    assert _poll(centre, asked["auth_req_id"], Holder(composition)).status_code == 200


@pytest.mark.parametrize("missing", ["iss", "aud", "exp", "nbf", "iat", "jti"])
def test_each_claim_about_the_request_is_required(
    composition: Composition, centre: SigningCallCentre, missing: str
) -> None:
    """CIBA Core §7.1.1: iss, aud, exp, iat, nbf, jti."""
    response = centre.post(centre.signed(centre.claims(**{missing: None})))
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")
    assert events(composition, "idp:backchannel:refused") == [("refused", "invalid_request", centre.client_id)]


@pytest.mark.parametrize(
    ("claim", "minutes"),
    [("exp", -1), ("exp", 70), ("nbf", 10), ("nbf", -70), ("exp", 60 * 24 * 365 * 12), ("iat", 10)],
)
def test_times_of_a_request_are_bounded(
    centre: SigningCallCentre, clock: ManualClock, claim: str, minutes: int
) -> None:
    """Expired, an hour and more ahead, from the future, an hour and more ago."""
    moment = at(clock.now() + timedelta(minutes=minutes))
    response = centre.post(centre.signed(centre.claims(**{claim: moment})))
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example"},
        {"iss": "someone-else"},
        {"iss": 7},
        {"client_id": "someone-else"},
        {"id_token_hint": "x"},
        {"login_hint": None},
        {"request": "x"},
        {"jti": ""},
    ],
)
def test_a_wrong_request_object_is_refused(centre: SigningCallCentre, changes: dict[str, Any]) -> None:
    """Another audience, another issuer, two hints, none, a request in a request."""
    response = centre.post(centre.signed(centre.claims(**changes)))
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


def test_a_request_object_is_due_and_holds_everything(centre: SigningCallCentre) -> None:
    """Without request: refused; parameters beside it: refused (CIBA Core §7.1.1)."""
    assert centre.post(None, scope="openid", login_hint="1710034065").get_json()["error"] == "invalid_request"
    response = centre.post(centre.signed(centre.claims()), scope="openid")
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")
    response = centre.post(centre.signed(centre.claims()), request_uri="https://centre.example/r")
    assert response.get_json()["error"] == "invalid_request"


def test_each_request_object_is_accepted_once(centre: SigningCallCentre, visitor: Visitor) -> None:
    """jti; a client may number its assertions and its requests from one."""
    claims = centre.claims(jti="1")
    token = centre.signed(claims)
    assert centre.post(token, **centre.assertion(jti="1")).status_code == 200
    assert centre.post(token).get_json()["error"] == "invalid_request"
    assert centre.post(centre.signed(claims)).get_json()["error"] == "invalid_request"


def test_the_signature_is_the_clients_by_an_allowed_algorithm(
    composition: Composition, http: FlaskClient, centre: SigningCallCentre
) -> None:
    """Another client's key, none, RS256, an algorithm that was not registered."""
    other = _register(composition, http)
    signed_by_other = centre.signed(centre.claims(), key=other.key)
    unsigned = b64url(b'{"alg":"none"}') + "." + signed_by_other.split(".")[1] + "."
    relabelled = b64url(b'{"alg":"RS256"}') + "." + signed_by_other.split(".", 1)[1]
    for token in (signed_by_other, unsigned, relabelled, "x.y.z", "", "a" * 7_000):
        response = centre.post(token)
        assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("algorithm", ["RS256", "none", "HS256"])
def test_weak_algorithms_cannot_be_registered(algorithm: str) -> None:
    """FAPI allows PS256, ES256 and EdDSA."""
    key = ECKey.generate_key("P-256").as_dict(private=False)
    changes = {"backchannel_authentication_request_signing_alg": algorithm, "jwks": {"keys": [key]}}
    with pytest.raises(Rejected, match="bad_client_metadata"):
        ClientRegistration.parse(METADATA_OF_FAPI | changes)


def test_requested_expiry_may_be_a_number_or_a_string(
    centre: SigningCallCentre, visitor: Visitor, clock: ManualClock
) -> None:
    """CIBA Core §7.1.1: both types; and it expires as expired_token."""
    for requested in (30, "30"):
        assert centre.ask(requested_expiry=requested)["expires_in"] == 30
    asked = centre.ask(requested_expiry=30)
    clock.advance(timedelta(seconds=30))
    error = _poll(centre, asked["auth_req_id"], Holder(centre.composition)).get_json()["error"]
    assert error == "expired_token"


def test_scopes_in_another_order_succeed(centre: SigningCallCentre, visitor: Visitor) -> None:
    """openid need not come first."""
    assert centre.ask(scope="profile openid")["auth_req_id"]


def test_a_binding_message_that_cannot_be_shown_is_an_error_of_its_own(centre: SigningCallCentre) -> None:
    """Show it as it is, or say invalid_binding_message."""
    message = "1234 👍🏿 品川 Lor 🏳️"
    response = centre.post(centre.signed(centre.claims(binding_message=message)))
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_binding_message")


@pytest.mark.parametrize("changes", [{"aud": "https://other.example"}, {"sub": "x"}, {"exp": 1}, {"jti": ""}])
def test_a_wrong_client_assertion_is_invalid_client(centre: SigningCallCentre, changes: dict[str, Any]) -> None:
    """At the backchannel endpoint as at the token endpoint, with 401."""
    for path, form in (
        ("/ciba", {"request": centre.signed(centre.claims())}),
        ("/token", {"grant_type": CIBA, "auth_req_id": "x"}),
    ):
        response = centre.http.post(path, data=form | centre.assertion(**changes))
        assert (response.status_code, response.get_json()["error"]) == (401, "invalid_client")


def test_no_assertion_is_no_client(centre: SigningCallCentre) -> None:
    """Naming a client proves nothing."""
    form = {"request": centre.signed(centre.claims()), "client_id": centre.client_id}
    assert centre.http.post("/ciba", data=form).status_code == 401
    form = {"grant_type": CIBA, "auth_req_id": "x", "client_id": centre.client_id}
    assert centre.http.post("/token", data=form).status_code == 401


def test_another_clients_request_is_invalid_grant(
    composition: Composition, http: FlaskClient, centre: SigningCallCentre, visitor: Visitor
) -> None:
    """An auth_req_id is bound to its client; so is one that nobody has."""
    asked = centre.ask()
    other, holder = _register(composition, http), Holder(composition)
    assert _poll(other, asked["auth_req_id"], holder).get_json()["error"] == "invalid_grant"
    assert _poll(centre, "unknown", holder).get_json()["error"] == "invalid_grant"


def test_a_person_who_says_no_gives_access_denied(
    composition: Composition, centre: SigningCallCentre, visitor: Visitor
) -> None:
    """CIBA Core §11."""
    asked = centre.ask()
    press(visitor, approvals_of(visitor)[0], "deny")
    response = _poll(centre, asked["auth_req_id"], Holder(composition))
    assert (response.status_code, response.get_json()["error"]) == (400, "access_denied")


def test_a_client_that_signs_by_choice_must_sign(
    composition: Composition, app: Flask, http: FlaskClient, visitor: Visitor
) -> None:
    """CIBA Core §4: whoever registered an algorithm sends signed requests, whatever its policy; others may."""
    chooser = _register(composition, http, policy="web")
    assert chooser.ask()["auth_req_id"]
    response = chooser.post(None, scope="openid", login_hint="1710034065")
    assert response.get_json()["error"] == "invalid_request"
    free = _register(composition, http, policy="web", backchannel_authentication_request_signing_alg=None)
    assert free.ask()["auth_req_id"]
    assert free.post(None, scope="openid", login_hint="1710034065").status_code == 200


def test_discovery_names_what_is_served(app: Flask, http: FlaskClient) -> None:
    """CIBA Core §4: endpoint, delivery modes, algorithms, grant type; no user codes."""
    document = http.get("/.well-known/openid-configuration").get_json()
    assert document["backchannel_authentication_endpoint"] == "http://localhost:8000/ciba"
    assert document["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    assert {"ES256", "PS256"} <= set(document["backchannel_authentication_request_signing_alg_values_supported"])
    assert document["backchannel_user_code_parameter_supported"] is False
    assert CIBA in document["grant_types_supported"]


def test_what_was_registered_is_kept(composition: Composition, centre: SigningCallCentre) -> None:
    """The metadata by their registered names."""
    with composition.database.reading() as session:
        metadata = find_client(session, centre.client_id).metadata
    assert metadata.backchannel_token_delivery_mode == "poll"
    assert metadata.backchannel_authentication_request_signing_alg == "ES256"
    assert metadata.backchannel_client_notification_endpoint is None
