"""Discovery tells exactly what is served: every claim of it is walked."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from composition import Composition
from idp.accounts.life import verify_identity
from idp.accounts.model import PersonRow
from idp.clients.registration.client_registration import ClientRegistration
from idp.directory.institutions import add_institution
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.rights.belonging import begin_belonging
from idp.web.discovery import metadata
from tests.idp.relying_party import METADATA, RelyingParty, Visitor, answer_of, register

ISSUER = "http://localhost:8000"


def test_both_documents_are_one_and_public(app: Flask, http: FlaskClient) -> None:
    """OpenID Connect Discovery §4, RFC 8414 §3: cacheable, readable by any site's script."""
    documents = []
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
        response = http.get(path)
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "max-age" in response.headers["Cache-Control"]
        documents.append(response.get_json())
    assert documents[0] == documents[1] == metadata(ISSUER)
    assert documents[0]["issuer"] == ISSUER


def test_every_endpoint_named_is_there(app: Flask, http: FlaskClient) -> None:
    """None answers 404, and each stands under the issuer."""
    document = http.get("/.well-known/openid-configuration").get_json()
    endpoints = {name: uri for name, uri in document.items() if name.endswith("_endpoint") or name == "jwks_uri"}
    assert len(endpoints) >= 8
    for uri in endpoints.values():
        assert uri.startswith(f"{ISSUER}/")
        path = urlsplit(uri).path
        assert {http.get(path).status_code, http.post(path).status_code} & {200, 400, 401}, path


def test_required_members_are_there(app: Flask, http: FlaskClient) -> None:
    """OpenID Connect Discovery §3 (RS256 must be among the ID token's algorithms), RFC 8414 §2."""
    document = http.get("/.well-known/openid-configuration").get_json()
    for name in (
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "response_types_supported",
        "subject_types_supported",
    ):
        assert document[name]
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert "openid" in document["scopes_supported"]
    assert "none" not in document["id_token_signing_alg_values_supported"]
    assert "in_process" not in document["token_endpoint_auth_methods_supported"]


def test_every_mode_prompt_acr_and_scope_named_is_served(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """And one that is not named is refused or ignored: see the other modules."""
    document = http.get("/.well-known/openid-configuration").get_json()
    party = register(composition, scope=" ".join(document["scopes_supported"]))
    visitor.authorize(party, scope=" ".join(document["scopes_supported"]), scopes=("email",))
    for mode in document["response_modes_supported"]:
        assert visitor.http.get(party.authorization_url(response_mode=mode)).status_code in (200, 303)
    for prompt in document["prompt_values_supported"]:
        location = visitor.http.get(party.authorization_url(prompt=prompt)).headers["Location"]
        assert "error=" not in location
    for acr in document["acr_values_supported"]:
        with composition.database.transaction() as session:
            verify_identity(
                session,
                services=composition.idp,
                person_id=visitor.person_id,
                level=2,
                actor="desk",
                now=composition.clock.now(),
            )
        assert "code" in answer_of(visitor.http.get(party.authorization_url(acr_values=acr)))


def test_every_claim_named_is_released(composition: Composition, visitor: Visitor, http: FlaskClient) -> None:
    """claims_supported is what UserInfo and the ID token together hold."""
    document = http.get("/.well-known/openid-configuration").get_json()
    scope = " ".join(document["scopes_supported"])
    party = register(composition, scope=scope)
    _let_work_somewhere(composition, visitor.person_id)
    know_more(composition, visitor.person_id, level=2)
    tokens = party.exchange(http, visitor.authorize(party, scope=scope, scopes=("email",))).get_json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    released = set(http.get("/userinfo", headers=bearer).get_json()) | set(party.claims(tokens["id_token"]))
    # A passport stands for the cédula of who has none.
    assert released == set(document["claims_supported"]) - {"passport"}


def know_more(composition: Composition, person_id: str, *, level: int) -> None:
    """Give the person a confirmed telephone, a birth date and a level."""
    now = composition.clock.now()
    values = {"phone": "+593991234567", "phone_verified_at": now, "birth_date": "1797-12-27", "level": level}
    with composition.database.transaction() as session:
        session.execute(update(PersonRow).where(PersonRow.id == person_id).values(**values))


def test_telephone_and_birth_date_are_told_as_they_are_and_shown_before(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """OpenID Connect Core §5.1: E.164 and ISO 8601; a birth date of who was verified; the page has the values."""
    party = register(composition, scope=f"{METADATA['scope']} phone birthdate")
    know_more(composition, visitor.person_id, level=1)
    wanted = json.dumps({"id_token": {"phone_number": None, "birthdate": {"essential": True}}})
    tokens = party.exchange(http, visitor.authorize(party, scope="openid", claims=wanted)).get_json()
    told = party.claims(tokens["id_token"])
    assert (told["phone_number"], "birthdate" in told, "phone_number_verified" in told) == (
        "+593991234567",
        False,
        False,
    )
    know_more(composition, visitor.person_id, level=2)
    address = party.authorization_url(scope="openid profile phone birthdate", prompt="consent")
    page = visitor.http.get(visitor.http.get(address).headers["Location"]).get_data(as_text=True)
    assert "099 123 4567" in page
    assert "27 de diciembre de 1797" in page
    code = visitor.authorize(party, scope="openid profile phone birthdate", prompt="consent")
    bearer = {"Authorization": f"Bearer {party.exchange(http, code).get_json()['access_token']}"}
    told = http.get("/userinfo", headers=bearer).get_json()
    assert (told["phone_number"], told["phone_number_verified"]) == ("+593991234567", True)
    assert told["birthdate"] == "1797-12-27"
    profile = party.exchange(http, visitor.authorize(party, scope="openid profile")).get_json()["access_token"]
    told = http.get("/userinfo", headers={"Authorization": f"Bearer {profile}"}).get_json()
    assert not {"birthdate", "phone_number"} & set(told)


def _let_work_somewhere(composition: Composition, person_id: str) -> None:
    """The claim ``institution`` is about people who work at one."""
    journal, now = composition.journal, composition.clock.now()
    with composition.database.transaction() as session:
        somewhere = add_institution(session, journal=journal, ruc="1760001550001", name="Ministerio", now=now)
        begin_belonging(
            session, journal=journal, institution_id=somewhere.id, person_id=person_id, actor="command", now=now
        )


def test_every_method_and_algorithm_named_can_be_registered(app: Flask, http: FlaskClient) -> None:
    """What discovery offers, registration takes."""
    document = http.get("/.well-known/openid-configuration").get_json()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    for method in document["token_endpoint_auth_methods_supported"]:
        name = {"tls_client_auth_subject_dn": "CN=portal"} if method == "tls_client_auth" else {}
        ClientRegistration.parse(METADATA | {"token_endpoint_auth_method": method, "jwks": {"keys": [jwk]}} | name)
    for kind in ("id_token", "userinfo", "introspection", "authorization"):
        for algorithm in document[f"{kind}_signing_alg_values_supported"]:
            ClientRegistration.parse(METADATA | {f"{kind}_signed_response_alg": algorithm})
        for alg in document[f"{kind}_encryption_alg_values_supported"]:
            for enc in document[f"{kind}_encryption_enc_values_supported"]:
                # RSA-OAEP is for the policy of older libraries; the others are for every one.
                wanted = {f"{kind}_encrypted_response_alg": alg, f"{kind}_encrypted_response_enc": enc}
                ClientRegistration.parse(METADATA | {"jwks": {"keys": [jwk]}, "policy": "classic"} | wanted)
    for subject_type in document["subject_types_supported"]:
        ClientRegistration.parse(METADATA | {"subject_type": subject_type})


def test_every_grant_type_named_is_served(app: Flask, http: FlaskClient) -> None:
    """And no other: what is not named is refused as such before the client is looked at."""
    document = http.get("/.well-known/openid-configuration").get_json()
    named = set(document["grant_types_supported"]) - {"implicit"}
    for grant_type in named:
        answer = http.post("/token", data={"grant_type": grant_type}).get_json()
        assert answer["error"] in ("invalid_client", "invalid_request"), grant_type
    for other in ("password", "urn:ietf:params:oauth:grant-type:saml2-bearer"):
        assert http.post("/token", data={"grant_type": other}).get_json()["error"] == "unsupported_grant_type"


def test_the_key_set_is_public(app: Flask, http: FlaskClient) -> None:
    """RFC 7517 §5: no private member, every algorithm of the ID token."""
    response = http.get("/jwks")
    keys = response.get_json()["keys"]
    assert {key["alg"] for key in keys if key["use"] == "sig"} == set(TOKEN_ALGORITHMS)
    assert {key["kty"] for key in keys if key["use"] == "enc"} == {"RSA", "EC"}
    assert not any({"d", "p", "q", "dp", "dq", "qi", "k"} & set(key) for key in keys)
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_a_public_client_and_a_confidential_one_are_served_alike(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """Method none is in the list, and works."""
    spa = register(composition, token_endpoint_auth_method="none")
    assert spa.exchange(http, visitor.authorize(spa), {}, client_id=spa.client_id).status_code == 200


def test_every_language_named_is_spoken(party: RelyingParty, app: Flask, http: FlaskClient) -> None:
    """ui_locales_supported: an application's wish decides where the person has made no choice."""
    pages = set()
    for locale in http.get("/.well-known/openid-configuration").get_json()["ui_locales_supported"]:
        browser = app.test_client()
        page = browser.get(browser.get(party.authorization_url(ui_locales=locale)).headers["Location"])
        assert f'<html lang="{locale}' in page.text
        pages.add(page.text.partition("<h1")[2].partition("</h1>")[0])
    assert len(pages) == 3


def test_request_objects_are_read_and_nothing_is_quietly_ignored_that_would_protect(
    party: RelyingParty, visitor: Visitor
) -> None:
    """OpenID Connect Core §6.1, §6.2: request and request_uri, which must be registered."""
    document = metadata(ISSUER)
    assert document["require_request_uri_registration"] is True
    assert "none" not in document["request_object_signing_alg_values_supported"]
    for name, error in (("request", "invalid_request_object"), ("request_uri", "invalid_request_uri")):
        assert document[f"{name}_parameter_supported"] is True
        answer = answer_of(visitor.http.get(party.authorization_url(**{name: "https://portal.example/r"})))
        assert answer["error"] == error
        assert answer["iss"] == ISSUER  # authorization_response_iss_parameter_supported, errors too
    for challenge_method in ("plain", None):
        url = party.authorization_url(code_challenge_method=challenge_method)
        assert answer_of(visitor.http.get(url))["error"] == "invalid_request"


def test_every_grant_and_endpoint_method_named_works(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """grant_types_supported and the methods of revocation and introspection; what is not named there is refused."""
    document = metadata(ISSUER)
    # "implicit" is registered for what /authorize answers and never sent to /token.
    for grant in set(document["grant_types_supported"]) - {"implicit"}:
        answer = http.post("/token", data={"grant_type": grant}, headers=party.basic()).get_json()
        assert answer["error"] != "unsupported_grant_type", grant
    for endpoint in ("revocation", "introspection"):
        methods = document[f"{endpoint}_endpoint_auth_methods_supported"]
        path = urlsplit(document[f"{endpoint}_endpoint"]).path
        assert ("none" in methods) is (endpoint == "revocation")
        for method in {"client_secret_basic", "client_secret_post"} & set(methods):
            client = register(composition, token_endpoint_auth_method=method)
            form = {"token": "x"}
            if method == "client_secret_post":
                form |= {"client_id": client.client_id, "client_secret": client.secret}
            headers = client.basic() if method == "client_secret_basic" else {}
            assert http.post(path, data=form, headers=headers).status_code == 200, (endpoint, method)
        public = register(composition, token_endpoint_auth_method="none")
        served = http.post(path, data={"token": "x", "client_id": public.client_id}).status_code == 200
        assert served is ("none" in methods)
