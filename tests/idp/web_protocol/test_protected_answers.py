"""ID tokens, UserInfo and introspection answers, signed and encrypted as the application registered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from composition import Composition
from idp.clients.policy import CLASSIC
from idp.protocol.algorithms import CONTENT_ENCRYPTION_ALGORITHMS, TOKEN_ALGORITHMS
from idp.protocol.token_hash import left_half_hash
from kernel.database import in_transaction
from kernel.identifiers import b64url_decode
from outgoing.answer import Answer
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, change, events, register

ISSUER = "http://localhost:8000"
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"})
SIGNS = ECKey.generate_key("P-256", {"kid": "signs", "use": "sig"})
JWKS = {"keys": [key.as_dict(private=False) for key in (SIGNS, RSA, EC)]}


def _header(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(b64url_decode(token.partition(".")[0]))
    return header


def _open(token: str) -> str:
    header = _header(token)
    key: Key = RSA if header["alg"].startswith("RSA") else EC
    opened = jwe.decrypt_compact(token, key, algorithms=[header["alg"], header["enc"]])
    assert opened.plaintext is not None
    return opened.plaintext.decode()


def _tokens(party: RelyingParty, visitor: Visitor, http: FlaskClient, **changes: str) -> dict[str, Any]:
    tokens: dict[str, Any] = party.exchange(http, visitor.authorize(party, **changes)).get_json()
    return tokens


def _bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def _keys(composition: Composition) -> KeySet:
    with composition.database.reading() as session:
        return composition.idp.token_keys.published(session).key_set


@pytest.mark.parametrize("algorithm", TOKEN_ALGORITHMS)
def test_the_id_token_binds_the_access_token_by_the_hash_of_its_signature(
    composition: Composition, visitor: Visitor, http: FlaskClient, algorithm: str
) -> None:
    """OpenID Connect Core §3.1.3.6."""
    party = register(composition, id_token_signed_response_alg=algorithm)
    tokens = _tokens(party, visitor, http)
    assert _header(tokens["id_token"])["alg"] == algorithm
    claims = party.claims(tokens["id_token"])
    assert claims["at_hash"] == left_half_hash(tokens["access_token"], algorithm=algorithm)
    assert "azp" not in claims  # §2: needed only for an audience that is not the client alone
    assert claims["aud"] == party.client_id


@pytest.mark.parametrize("alg", CLASSIC.key_management_algorithms)
def test_an_encrypted_id_token_holds_a_signed_one(
    composition: Composition, visitor: Visitor, http: FlaskClient, alg: str
) -> None:
    """§10.2, §16.14: signed, then encrypted to the client's key; A128CBC-HS256 where it names no other."""
    enc = CONTENT_ENCRYPTION_ALGORITHMS[CLASSIC.key_management_algorithms.index(alg) % 4]
    for chosen, expected in (({"id_token_encrypted_response_enc": enc}, enc), ({}, "A128CBC-HS256")):
        party = register(composition, policy="classic", jwks=JWKS, id_token_encrypted_response_alg=alg, **chosen)
        token = _tokens(party, visitor, http)["id_token"]
        header = _header(token)
        assert (header["alg"], header["enc"], header["cty"]) == (alg, expected, "JWT")
        assert header["kid"] == ("rsa" if alg.startswith("RSA") else "ec")
        assert party.claims(_open(token))["sub"] == visitor.person_id


def test_without_a_key_for_it_nothing_is_sent_in_clear(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """An application that removed its encryption key hears of it; the refusal is on record."""
    jwks = {"keys": [SIGNS.as_dict(private=False)]}
    party = register(composition, jwks=jwks, id_token_encrypted_response_alg="RSA-OAEP-256")
    answer = party.exchange(http, visitor.authorize(party))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")
    assert ("refused", "no_encryption_key", party.client_id) in events(composition, "idp:token:refused")


def test_userinfo_is_plain_unless_registered_otherwise(
    party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """§5.3.2: JSON, not to be kept."""
    answer = http.get("/userinfo", headers=_bearer(_tokens(party, visitor, http)))
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json()["sub"] == visitor.person_id


@pytest.mark.parametrize("algorithm", TOKEN_ALGORITHMS)
def test_signed_userinfo_says_who_gives_it_and_to_whom(
    composition: Composition, visitor: Visitor, http: FlaskClient, algorithm: str
) -> None:
    """§5.3.2: application/jwt, with iss and aud."""
    party = register(composition, userinfo_signed_response_alg=algorithm)
    answer = http.get("/userinfo", headers=_bearer(_tokens(party, visitor, http)))
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("application/jwt", "no-store")
    assert _header(answer.text)["alg"] == algorithm
    claims = party.claims(answer.text)
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, party.client_id, visitor.person_id)
    assert claims["name"] == "Manuela Sáenz Aizpuru"


def test_a_signed_userinfo_answer_opens_nothing_here(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 8725 §2.8: a JWT of one kind must not pass for another."""
    party = register(composition, userinfo_signed_response_alg="ES256")
    answer = http.get("/userinfo", headers=_bearer(_tokens(party, visitor, http)))
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {answer.text}"}).status_code == 401
    assert visitor.http.get("/logout", query_string={"id_token_hint": answer.text}).status_code == 400
    hinted = visitor.http.get(party.authorization_url(prompt="none", id_token_hint=answer.text))
    assert answer_of(hinted)["error"] == "invalid_request"


@pytest.mark.parametrize("signed", [None, "ES384"])
def test_encrypted_userinfo_is_read_by_the_client_alone(
    composition: Composition, visitor: Visitor, http: FlaskClient, signed: str | None
) -> None:
    """§5.3.2: signed first if both were registered, else the claims themselves are encrypted."""
    more = {"userinfo_signed_response_alg": signed} if signed else {}
    party = register(
        composition,
        jwks=JWKS,
        userinfo_encrypted_response_alg="ECDH-ES+A256KW",
        userinfo_encrypted_response_enc="A256GCM",
        **more,
    )
    answer = http.get("/userinfo", headers=_bearer(_tokens(party, visitor, http)))
    assert answer.mimetype == "application/jwt"
    assert _header(answer.text).get("cty") == ("JWT" if signed else None)
    content = _open(answer.text)
    claims = party.claims(content) if signed else json.loads(content)
    assert claims["sub"] == visitor.person_id


def test_userinfo_without_a_key_for_it_is_refused(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """As with the ID token: nothing in clear instead."""
    jwks = {"keys": [SIGNS.as_dict(private=False)]}
    party = register(composition, jwks=jwks, userinfo_encrypted_response_alg="RSA-OAEP-256")
    answer = http.get("/userinfo", headers=_bearer(_tokens(party, visitor, http)))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def _introspect(party: RelyingParty, http: FlaskClient, token: str, accept: str) -> Any:
    return http.post("/introspect", data={"token": token}, headers={**party.basic(), "Accept": accept})


def test_introspection_answers_with_a_jwt_where_it_is_asked_for(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 9701 §4, §5: a type of its own, no sub and no exp of its own, RS256 where nothing was registered."""
    tokens = _tokens(party, visitor, http)
    plain = _introspect(party, http, tokens["access_token"], "*/*").get_json()
    answer = _introspect(party, http, tokens["access_token"], "application/token-introspection+jwt")
    assert answer.mimetype == "application/token-introspection+jwt"
    verified = jwt.decode(answer.text, _keys(composition), algorithms=["RS256"])
    assert verified.header["typ"] == "token-introspection+jwt"
    assert verified.claims == {
        "iss": ISSUER,
        "aud": party.client_id,
        "iat": verified.claims["iat"],
        "token_introspection": plain,
    }
    dead = _introspect(party, http, "x", "application/token-introspection+jwt")
    assert jwt.decode(dead.text, _keys(composition), algorithms=["RS256"]).claims["token_introspection"] == {
        "active": False
    }


def test_introspection_answers_are_signed_and_encrypted_as_registered(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 9701 §6."""
    party = register(
        composition,
        jwks=JWKS,
        introspection_signed_response_alg="EdDSA",
        introspection_encrypted_response_alg="RSA-OAEP-256",
        introspection_encrypted_response_enc="A128GCM",
    )
    token = _tokens(party, visitor, http)["access_token"]
    answer = _introspect(party, http, token, "application/token-introspection+jwt, application/json;q=0.5")
    assert party.claims(_open(answer.text))["token_introspection"]["active"] is True
    assert _introspect(party, http, token, "application/json").get_json()["active"] is True


def test_an_introspection_answer_is_no_token(composition: Composition, visitor: Visitor, http: FlaskClient) -> None:
    """RFC 9701 §8.1: it does not open UserInfo and does not prove a login at logout."""
    party = register(composition, introspection_signed_response_alg="ES256")
    token = _tokens(party, visitor, http)["access_token"]
    answer = _introspect(party, http, token, "application/token-introspection+jwt").text
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {answer}"}).status_code == 401
    assert visitor.http.get("/logout", query_string={"id_token_hint": answer}).status_code == 400


def test_signed_responses_are_encrypted_where_registered(composition: Composition, visitor: Visitor) -> None:
    """JARM §2.2: signed, then encrypted."""
    party = register(composition, jwks=JWKS, authorization_encrypted_response_alg="ECDH-ES")
    visitor.authorize(party)
    location = visitor.http.get(party.authorization_url(response_mode="query.jwt")).headers["Location"]
    response = location.partition("response=")[2]
    claims = party.claims(_open(response))
    assert (claims["iss"], claims["aud"], claims["state"]) == (ISSUER, party.client_id, "a state & more")
    assert claims["code"]


def test_an_application_without_its_key_hears_of_it_in_the_redirect(composition: Composition, visitor: Visitor) -> None:
    """§3.2.2.6: an ID token of the redirect is sent encrypted or not at all."""
    party = register(composition, jwks={"keys": [SIGNS.as_dict(private=False)]})
    visitor.authorize(party)
    types = ["code", "id_token"]
    change(composition, party, policy="classic", response_types=types, id_token_encrypted_response_alg="RSA-OAEP-256")
    answer = answer_of(visitor.http.get(party.authorization_url(response_type="id_token")))
    assert answer["error"] == "invalid_request"
    assert "id_token" not in answer


@pytest.mark.parametrize("prompt", [None, "consent"])
def test_a_key_at_the_applications_own_address_is_fetched_for_every_answer(
    composition: Composition, visitor: Visitor, http: FlaskClient, monkeypatch: pytest.MonkeyPatch, prompt: str | None
) -> None:
    """jwks_uri: no transaction is open while a stranger's server is asked, not for a redirect and not at consent."""
    address = "https://portal.example/jwks"
    asked: list[str] = []

    def fetch(url: str, **_bounds: Any) -> Answer:
        assert not in_transaction()
        asked.append(url)
        return Answer(200, {"cache-control": "max-age=60"}, json.dumps(JWKS).encode())

    monkeypatch.setattr(composition.idp.outgoing, "fetch", fetch)
    party = register(composition, jwks_uri=address, authorization_encrypted_response_alg="ECDH-ES")
    visitor.authorize(party)
    change(
        composition, party, id_token_encrypted_response_alg="RSA-OAEP-256", userinfo_encrypted_response_alg="ECDH-ES"
    )
    url = party.authorization_url(response_mode="query.jwt", prompt=prompt)
    location = visitor.http.get(url).headers["Location"]
    if prompt is not None:
        location = visitor.decide(visitor.http.get(location)).headers["Location"]
    answer = party.claims(_open(location.partition("response=")[2]))
    assert asked == [address]
    tokens = party.exchange(http, answer["code"]).get_json()
    assert party.claims(_open(tokens["id_token"]))["sub"] == visitor.person_id
    assert json.loads(_open(http.get("/userinfo", headers=_bearer(tokens)).text))["sub"] == visitor.person_id
    assert asked == [address]
