"""What a person allows in detail, from the request to the API (RFC 9396)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from idp.clients.registration.client_registration import ClientRegistration
from kernel.errors import Rejected
from tests.idp.relying_party import METADATA, RelyingParty, Visitor, answer_of, change, register

API = "https://pagos.example/"
DECLARED: dict[str, Any] = {
    "pago": {
        "title": "Hacer un pago",
        "actions": {"iniciar": "Iniciar el pago", "consultar": "Consultar su estado"},
        "fields": {
            "monto": {"title": "Monto", "type": "number", "required": True},
            "beneficiario": {"title": "Beneficiario"},
        },
    }
}
PAYMENT = {"type": "pago", "actions": ["iniciar", "consultar"], "monto": 12.5, "beneficiario": "Juan <b>Montalvo</b>"}


@pytest.fixture
def api(composition: Composition, app: Flask) -> RelyingParty:
    """The API of payments."""
    return register(
        composition,
        client_name="Pagos del Estado",
        resource=API,
        resource_details=DECLARED,
        redirect_uris=[],
        post_logout_redirect_uris=[],
        grant_types=["client_credentials"],
        scope="",
        optional_scope="",
        resources=["https://pagos.example/"],
    )


@pytest.fixture
def payer(composition: Composition, api: RelyingParty, visitor: Visitor) -> RelyingParty:
    """An application that may ask for payments, and that the person has allowed before."""
    party = register(composition, resources=[API], authorization_details_types=["pago"])
    visitor.authorize(party, scope="openid offline_access")
    return party


def _url(party: RelyingParty, *details: Any, **changes: str | None) -> str:
    text = json.dumps(details)
    return party.authorization_url(scope="openid offline_access", authorization_details=text, **changes)


def _code(visitor: Visitor, party: RelyingParty) -> str:
    page = visitor.http.get(visitor.http.get(_url(party, PAYMENT)).headers["Location"])
    return answer_of(visitor.decide(page))["code"]


def test_the_page_says_in_words_what_is_asked_and_asks_each_time(payer: RelyingParty, visitor: Visitor) -> None:
    """RFC 9396 §4, §12: concrete, so no consent of before covers it; nothing of it is markup."""
    for _ in range(2):
        location = visitor.http.get(_url(payer, PAYMENT)).headers["Location"]
        assert location.startswith("/authorize/resume/")
        page = visitor.http.get(location)
        html = page.get_data(as_text=True)
        for words in ("Hacer un pago", "Pagos del Estado", "Iniciar el pago, Consultar su estado", "Monto", "12.5"):
            assert words in html
        assert "Juan &lt;b&gt;Montalvo&lt;/b&gt;" in html
        assert "code" in answer_of(visitor.decide(page))
    assert answer_of(visitor.http.get(_url(payer, PAYMENT, prompt="none")))["error"] == "consent_required"


def test_what_was_allowed_reaches_the_token_the_answer_and_the_introspection(
    payer: RelyingParty, api: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 9396 §7, §9.1, §9.2; by refresh too."""
    tokens = payer.exchange(http, _code(visitor, payer)).get_json()
    for given in (tokens, payer.refresh(http, tokens["refresh_token"]).get_json()):
        assert given["authorization_details"] == [PAYMENT]
        claims = payer.claims(given["access_token"])
        assert claims["authorization_details"] == [PAYMENT]
        assert claims["aud"] == API
        seen = http.post("/introspect", data={"token": given["access_token"]}, headers=api.basic()).get_json()
        assert seen["authorization_details"] == [PAYMENT]


def test_a_token_for_another_api_says_nothing_of_it(payer: RelyingParty, visitor: Visitor, http: FlaskClient) -> None:
    """RFC 9396 §12: an API hears what concerns it."""
    tokens = payer.exchange(http, _code(visitor, payer), resource="http://localhost:8000/userinfo").get_json()
    assert "authorization_details" not in tokens
    assert "authorization_details" not in payer.claims(tokens["access_token"])


def test_a_token_request_may_narrow_and_never_widen(payer: RelyingParty, visitor: Visitor, http: FlaskClient) -> None:
    """RFC 9396 §6: and a refusal at refresh costs no token."""
    part = PAYMENT | {"actions": ["consultar"]}
    tokens = payer.exchange(http, _code(visitor, payer), authorization_details=json.dumps([part])).get_json()
    assert tokens["authorization_details"] == [part]
    more = json.dumps([PAYMENT | {"monto": 13}])
    refused = payer.refresh(http, tokens["refresh_token"], authorization_details=more)
    assert refused.get_json()["error"] == "invalid_authorization_details"
    assert payer.refresh(http, tokens["refresh_token"]).get_json()["authorization_details"] == [PAYMENT]
    refused = payer.exchange(http, _code(visitor, payer), authorization_details=more)
    assert refused.get_json()["error"] == "invalid_authorization_details"


@pytest.mark.parametrize(
    "details",
    ["x", "[]", [{"type": "otro"}], [{"type": "pago"}], [PAYMENT | {"monto": "1"}], [PAYMENT | {"extra": 1}]],
)
def test_what_nobody_can_allow_is_refused(payer: RelyingParty, visitor: Visitor, details: Any) -> None:
    """RFC 9396 §5."""
    text = details if isinstance(details, str) else json.dumps(details)
    answer = answer_of(visitor.http.get(payer.authorization_url(authorization_details=text)))
    assert answer["error"] == "invalid_authorization_details"


def test_only_who_registered_the_type_may_ask(
    composition: Composition, payer: RelyingParty, api: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 9396 §10: the type at the client, the API among its resources; and it may be taken away meanwhile."""
    page = visitor.http.get(visitor.http.get(_url(payer, PAYMENT)).headers["Location"])
    change(composition, payer, authorization_details_types=[])
    assert visitor.decide(page).status_code == 400
    assert answer_of(visitor.http.get(_url(payer, PAYMENT)))["error"] == "invalid_authorization_details"
    change(composition, payer, authorization_details_types=["pago"], resources=[])
    assert answer_of(visitor.http.get(_url(payer, PAYMENT)))["error"] == "invalid_authorization_details"


def test_discovery_names_the_types_that_apis_declare(api: RelyingParty, http: FlaskClient) -> None:
    """RFC 9396 §10."""
    document = http.get("/.well-known/openid-configuration").get_json()
    assert document["authorization_details_types_supported"] == ["pago"]


@pytest.mark.parametrize(
    "declared",
    [
        [],
        {"pago": "x"},
        {"pago": {}},
        {"con espacio": {"title": "x"}},
        {"pago": {"title": ""}},
        {"pago": {"title": "x" * 101}},
        {"pago": {"title": "x", "fields": {"actions": {"title": "y"}}}},
        {"pago": {"title": "x", "fields": {"monto": {"title": "y", "type": "money"}}}},
        {"pago": {"title": "x", "fields": {"monto": {"title": "y", "required": 1}}}},
        {"pago": {"title": "x", "actions": {"a": ""}}},
    ],
)
def test_a_declaration_has_words_for_everything(declared: Any) -> None:
    """What people are to allow must be said to them."""
    with pytest.raises(Rejected) as caught:
        ClientRegistration.parse(METADATA | {"resource_details": declared})
    assert caught.value.code == "bad_client_metadata"


@pytest.mark.parametrize("asked", [[PAYMENT, PAYMENT], [PAYMENT] * 10, [PAYMENT, PAYMENT | {"actions": ["iniciar"]}]])
def test_one_payment_allowed_is_not_two(
    http: FlaskClient, payer: RelyingParty, visitor: Visitor, asked: list[dict[str, Any]]
) -> None:
    """RFC 9396 §6: a token request names a part of what was granted; naming it again makes it more."""
    answer = payer.exchange(http, _code(visitor, payer), authorization_details=json.dumps(asked), resource=API)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_authorization_details")


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e999", "true", '"1"'])
def test_an_amount_is_a_number_of_json(payer: RelyingParty, visitor: Visitor, amount: str) -> None:
    """RFC 8259 §6: what Python reads and JSON does not have is refused before it is shown or kept."""
    text = json.dumps([PAYMENT | {"monto": "?"}]).replace('"?"', amount)
    url = payer.authorization_url(scope="openid", authorization_details=text)
    assert answer_of(visitor.http.get(url))["error"] == "invalid_authorization_details"
