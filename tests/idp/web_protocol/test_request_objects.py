"""Signed and encrypted request objects, by value, by push, by reference (RFC 9101, OpenID Connect Core §6)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwe
from joserfc.jwk import ECKey, KeySet

from composition import Composition
from idp.clients.model import ClientRow
from idp.tokens.encryption_keys import ensure_encryption_keys
from kernel.database import in_transaction
from kernel.identifiers import b64url, sha256
from outgoing.answer import Answer
from outgoing.errors import OutgoingError, OutgoingReason
from tests.idp.fapi import KeyedParty, register_keyed
from tests.idp.relying_party import REDIRECT_URI, RelyingParty, Visitor, answer_of, change, events

REQUEST_URI = "https://portal.example/request.jwt"


@dataclass
class RequestHost:
    """What stands for the world outside: addresses and what stands there."""

    objects: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fetch(self, url: str, **_bounds: Any) -> Answer:
        """Answer with what stands there."""
        assert not in_transaction()
        self.asked.append(url)
        if url not in self.objects:
            raise OutgoingError(OutgoingReason.UNREACHABLE)
        return Answer(200, {}, self.objects[url].encode())


@pytest.fixture
def host(composition: Composition) -> RequestHost:
    """The host of request objects."""
    host = RequestHost()
    composition.__dict__["outgoing"] = host
    return host


@pytest.fixture
def keyed(host: RequestHost, composition: Composition, app: Flask, visitor: Visitor) -> KeyedParty:
    """An application with a key, which the person has allowed before."""
    party = register_keyed(composition)
    visitor.authorize(party)
    return party


def _url(party: RelyingParty, **parameters: str) -> str:
    return "/authorize?" + urlencode({"client_id": party.client_id, **parameters})


def test_a_signed_request_by_value_is_answered(keyed: KeyedParty, visitor: Visitor, http: FlaskClient) -> None:
    """RFC 9101 §5: client_id and request are all that need stand in the address."""
    answer = answer_of(visitor.http.get(_url(keyed, request=keyed.signed())))
    assert answer["state"] == "a state & more"
    assert keyed.exchange(http, answer["code"], {}, **keyed.assertion()).status_code == 200


def test_only_what_the_object_says_counts(keyed: KeyedParty, visitor: Visitor) -> None:
    """RFC 9101 §6.3: a parameter that stands beside it alone is not there."""
    answer = answer_of(visitor.http.get(_url(keyed, request=keyed.signed(state=None), state="s", prompt="login")))
    assert "code" in answer
    assert "state" not in answer


def test_an_older_library_may_say_the_rest_beside_it(
    composition: Composition, keyed: KeyedParty, visitor: Visitor
) -> None:
    """OpenID Connect Core §6.1, by the policy ``classic`` alone."""
    change(composition, keyed, policy="classic")
    parameters = keyed.parameters(client_id=None, nonce=None)
    minimal = dict.fromkeys((*parameters, "client_id", "aud", "exp", "nbf"))
    token = keyed.signed(typ=None, **(minimal | {"max_age": 3600, "scope": "openid profile"}))
    answer = answer_of(visitor.http.get(_url(keyed, request=token, **parameters)))
    assert ("code" in answer, answer["state"]) == (True, "a state & more")


@pytest.mark.parametrize(
    "parameter",
    ["state", "nonce", "scope", "response_type", "code_challenge", "redirect_uri"],
)
def test_contradicting_outer_parameters_are_refused_by_the_inner_address(
    keyed: KeyedParty, visitor: Visitor, parameter: str
) -> None:
    """OpenID Provider, rule 10."""
    outer = {parameter: "https://portal.example/cb?tenant=1" if parameter == "redirect_uri" else "other"}
    response = visitor.http.get(_url(keyed, request=keyed.signed(), **outer))
    assert response.headers["Location"].startswith(f"{REDIRECT_URI}?")
    answer = answer_of(response)
    assert (answer["error"], answer["state"]) == ("invalid_request", "a state & more")


def _bad_objects(party: KeyedParty) -> dict[str, str]:
    now = int(party.composition.clock.now().timestamp())
    unsigned = ".".join((b64url(b'{"alg":"none"}'), party.signed().split(".")[1], ""))
    # HS256 with the public key as the secret (RFC 8725 §2.1).
    header = b64url(b'{"alg":"HS256","kid":"k1"}')
    head = f"{header}.{party.signed().split('.')[1]}"
    symmetric = f"{head}.{b64url(hmac.digest(party.key.as_pem(private=False), head.encode(), 'sha256'))}"
    return {
        "none": unsigned,
        "symmetric": symmetric,
        "stranger": party.signed(key=ECKey.generate_key("P-256", {"kid": "k1"})),
        "audience": party.signed(aud="https://other.example"),
        "expired": party.signed(exp=now - 1),
        "too long": party.signed(exp=now + 3700),
        "too old": party.signed(nbf=now - 3700),
        "other client": party.signed(client_id="another"),
        "other issuer": party.signed(iss="another"),
        "assertion": party.signed(sub=party.client_id),
        "type": party.signed(typ="at+jwt"),
        "nested": party.signed(request="x"),
        "garbage": "x.y.z",
        "not encrypted to us": "a.b.c.d.e",
    }


BAD = [
    "none",
    "symmetric",
    "stranger",
    "audience",
    "expired",
    "too long",
    "too old",
    "other client",
    "other issuer",
    "assertion",
    "type",
    "nested",
    "garbage",
    "not encrypted to us",
]


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_object_is_refused(
    composition: Composition, keyed: KeyedParty, visitor: Visitor, http: FlaskClient, kind: str
) -> None:
    """OpenID Provider, rules 2, 10, 13: a redirect to a registered address only, else a page; JSON at a push."""
    token = _bad_objects(keyed)[kind]
    page = visitor.http.get(_url(keyed, request=token))
    assert page.status_code == 400
    assert "Location" not in page.headers
    answer = answer_of(visitor.http.get(_url(keyed, request=token, redirect_uri=REDIRECT_URI, state="s")))
    assert (answer["error"], answer["state"], answer["iss"]) == (
        "invalid_request_object",
        "s",
        "http://localhost:8000",
    )
    evil = visitor.http.get(_url(keyed, request=token, redirect_uri="https://evil.example/"))
    assert "Location" not in evil.headers
    pushed = http.post("/par", data={"request": token, "client_id": keyed.client_id} | keyed.assertion())
    assert pushed.get_json()["error"] == "invalid_request_object"
    reasons = [reason for _, reason, _ in events(composition, "idp:authorization:refused")]
    assert reasons == ["invalid_request_object"] * 4


def test_a_redirect_uri_within_the_object_is_verified_like_any_other(keyed: KeyedParty, visitor: Visitor) -> None:
    """OpenID Provider, rule 1: signed or not."""
    response = visitor.http.get(_url(keyed, request=keyed.signed(redirect_uri="https://portal.example/CB")))
    assert response.status_code == 400
    assert "Location" not in response.headers


def test_two_objects_are_none(keyed: KeyedParty, visitor: Visitor) -> None:
    """RFC 9101 §5: request or request_uri."""
    url = _url(keyed, request=keyed.signed(), request_uri=REQUEST_URI, redirect_uri=REDIRECT_URI)
    assert answer_of(visitor.http.get(url))["error"] == "invalid_request"


def test_signed_by_push(keyed: KeyedParty, visitor: Visitor, http: FlaskClient) -> None:
    """RFC 9126 §3: the object is checked there, with JSON errors, and counts alone."""
    data = {"client_id": keyed.client_id, "request": keyed.signed(), "state": "a state & more", "prompt": "login"}
    pushed = http.post("/par", data=data | keyed.assertion())
    assert pushed.status_code == 201, pushed.get_json()
    assert "code" in answer_of(visitor.http.get(keyed.reference(pushed.get_json()["request_uri"])))
    differs = http.post("/par", data=data | {"state": "other"} | keyed.assertion())
    assert differs.get_json()["error"] == "invalid_request"


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW"])
def test_signed_then_encrypted_to_our_key(
    composition: Composition, keyed: KeyedParty, visitor: Visitor, http: FlaskClient, alg: str
) -> None:
    """RFC 9101 §6.1: by the key of our key set."""
    with composition.database.transaction() as session:
        ensure_encryption_keys(session, composition.idp, now=composition.clock.now())
    keys: Any = http.get("/jwks").get_json()
    wanted = "RSA" if alg.startswith("RSA") else "EC"
    ours = KeySet.import_key_set({"keys": [key for key in keys["keys"] if key["use"] == "enc"]})
    key = next(item for item in ours.keys if item.key_type == wanted)
    header = {"alg": alg, "enc": "A256GCM", "cty": "oauth-authz-req+jwt", "kid": key.kid}
    token = jwe.encrypt_compact(header, keyed.signed(), key, algorithms=[alg, "A256GCM"])
    assert "code" in answer_of(visitor.http.get(_url(keyed, request=token)))
    unsigned = jwe.encrypt_compact(header, '{"client_id":"x"}', key, algorithms=[alg, "A256GCM"])
    refused = visitor.http.get(_url(keyed, request=unsigned, redirect_uri=REDIRECT_URI))
    assert answer_of(refused)["error"] == "invalid_request_object"


def test_by_reference_only_what_is_registered_is_ever_fetched(
    composition: Composition, keyed: KeyedParty, visitor: Visitor, host: RequestHost
) -> None:
    """OpenID Provider, rule 14; OpenID Connect Core §6.2: and never while a transaction is open."""
    host.objects[REQUEST_URI] = keyed.signed()
    beside = {"redirect_uri": REDIRECT_URI, "state": "a state & more"}
    refused = answer_of(visitor.http.get(_url(keyed, request_uri=REQUEST_URI, **beside)))
    assert refused["error"] == "invalid_request_uri"
    assert host.asked == []
    change(composition, keyed, request_uris=[f"{REQUEST_URI}#old"])
    assert "code" in answer_of(visitor.http.get(_url(keyed, request_uri=REQUEST_URI)))
    for other in ("https://portal.example/other.jwt", "http://127.0.0.1/", "file:///etc/passwd", f"{REQUEST_URI}?x"):
        assert visitor.http.get(_url(keyed, request_uri=other)).status_code == 400
    assert host.asked == [REQUEST_URI]


def test_by_reference_a_digest_in_the_fragment_must_fit(
    composition: Composition, keyed: KeyedParty, visitor: Visitor, host: RequestHost
) -> None:
    """OpenID Connect Core §6.2."""
    change(composition, keyed, request_uris=[REQUEST_URI])
    host.objects[REQUEST_URI] = keyed.signed()
    digest = b64url(sha256(host.objects[REQUEST_URI]))
    assert "code" in answer_of(visitor.http.get(_url(keyed, request_uri=f"{REQUEST_URI}#{digest}")))
    host.objects[REQUEST_URI] = keyed.signed()
    stale = visitor.http.get(_url(keyed, request_uri=f"{REQUEST_URI}#{digest}", redirect_uri=REDIRECT_URI))
    assert answer_of(stale)["error"] == "invalid_request_uri"


def test_by_reference_a_silent_host_is_an_error_of_the_request(
    composition: Composition, keyed: KeyedParty, visitor: Visitor, host: RequestHost
) -> None:
    """OpenID Connect Core §3.1.2.6: invalid_request_uri."""
    change(composition, keyed, request_uris=[REQUEST_URI])
    assert visitor.http.get(_url(keyed, request_uri=REQUEST_URI)).status_code == 400
    host.objects[REQUEST_URI] = "no token"
    refused = visitor.http.get(_url(keyed, request_uri=REQUEST_URI, redirect_uri=REDIRECT_URI))
    assert answer_of(refused)["error"] == "invalid_request_object"


def test_the_registered_algorithm_is_the_only_one(
    composition: Composition, keyed: KeyedParty, visitor: Visitor
) -> None:
    """OpenID Connect Dynamic Client Registration §2, request_object_signing_alg."""
    change(composition, keyed, request_object_signing_alg="RS256")
    refused = visitor.http.get(_url(keyed, request=keyed.signed(), redirect_uri=REDIRECT_URI))
    assert answer_of(refused)["error"] == "invalid_request_object"


def test_who_must_sign_gets_no_answer_otherwise(composition: Composition, keyed: KeyedParty, visitor: Visitor) -> None:
    """RFC 9101 §10.5, require_signed_request_object."""
    change(composition, keyed, require_signed_request_object=True)
    assert answer_of(visitor.http.get(keyed.authorization_url()))["error"] == "invalid_request"
    assert "code" in answer_of(visitor.http.get(_url(keyed, request=keyed.signed())))


def test_message_signing_wants_signed_pushed_requests_and_signs_every_answer(
    composition: Composition, keyed: KeyedParty, visitor: Visitor, http: FlaskClient
) -> None:
    """FAPI 2.0 Message Signing §5.3.1, §5.4."""
    change(composition, keyed, policy="fapi2-message-signing")
    assert keyed.push(http).get_json()["error"] == "invalid_request"
    for absent in ("exp", "nbf", "aud"):
        data = {"client_id": keyed.client_id, "request": keyed.signed(**{absent: None})} | keyed.assertion()
        assert http.post("/par", data=data).get_json()["error"] == "invalid_request_object"
    data = {"client_id": keyed.client_id, "request": keyed.signed(response_mode="jwt")} | keyed.assertion()
    pushed = http.post("/par", data=data)
    answer = answer_of(visitor.http.get(keyed.reference(pushed.get_json()["request_uri"])))
    assert set(answer) == {"response"}
    assert {"code", "iss", "aud", "exp", "state"} <= set(keyed.claims(answer["response"]))
    refused = answer_of(visitor.http.get(_url(keyed, request=keyed.signed())))
    assert keyed.claims(refused["response"])["error"] == "invalid_request"


def test_an_answer_is_encrypted_where_registered(composition: Composition, keyed: KeyedParty, visitor: Visitor) -> None:
    """JARM §2.2, §3: signed, then encrypted to the application; never in clear instead."""
    reader = ECKey.generate_key("P-256", {"kid": "e1", "use": "enc", "alg": "ECDH-ES"})
    with composition.database.transaction() as session:
        row = session.get_one(ClientRow, keyed.client_id)
        row.jwks = {"keys": [*row.jwks["keys"], reader.as_dict(private=False)]}  # type: ignore[index]
    change(composition, keyed, authorization_encrypted_response_alg="ECDH-ES")
    answer = answer_of(visitor.http.get(keyed.authorization_url(response_mode="jwt")))
    opened = jwe.decrypt_compact(answer["response"], reader, algorithms=["ECDH-ES", "A128CBC-HS256"])
    assert "code" in keyed.claims((opened.plaintext or b"").decode())
