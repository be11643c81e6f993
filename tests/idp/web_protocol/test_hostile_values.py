"""What JSON can say and nothing after it can take is refused at the door, by either door, on either database."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws

from composition import Composition
from idp.web import short_ways
from kernel.identifiers import b64url
from tests.idp.fapi import ASSERTION_TYPE, ISSUER, register_keyed
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, change
from web.application import SauFlask

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _unsigned(claims: dict[str, Any]) -> str:
    return f"e30.{b64url(json.dumps(claims).encode())}.c2ln"


@pytest.mark.parametrize("name", ["family", "jti", "client_id"])
@pytest.mark.parametrize("value", ["\0", "\ud800", "x" * 300, ["x"], {"a": 1}, True, 1e308], ids=lambda v: repr(v)[:9])
def test_what_an_unverified_token_says_breaks_nothing(
    http: FlaskClient, party: RelyingParty, name: str, value: object
) -> None:
    """It is read ahead of its signature, as a hint, for all work of a batch together (RFC 8725 §3.11)."""
    token = _unsigned({name: value})
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    answer = http.post("/introspect", data={"token": token}, headers=party.basic())
    assert answer.json == {"active": False}


@pytest.mark.parametrize("value", ["\0", "\ud800", "a\u202eb", "x" * 300], ids=lambda v: repr(v)[:9])
def test_who_an_unverified_assertion_names_breaks_nothing(http: FlaskClient, value: str) -> None:
    """RFC 7521 §4.2: it is read to find the key that it is verified with."""
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": _unsigned({"sub": value})}
    for endpoint in ("/token", "/introspect", "/revoke", "/par", "/device_authorization", "/ciba"):
        answer = http.post(endpoint, data={"grant_type": "client_credentials", **form})
        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("jti", ["\0", "\ud800"], ids=repr)
def test_a_signed_jti_is_text(composition: Composition, http: FlaskClient, app: Flask, jti: str) -> None:
    """RFC 7519 §4.1.7: a string; what cannot be written down cannot be told from its second use."""
    party = register_keyed(composition)
    now = int(composition.clock.now().timestamp())
    claims = {"iss": party.client_id, "sub": party.client_id, "aud": ISSUER, "jti": jti, "exp": now + 60}
    signed = jws.serialize_compact({"alg": "ES256", "kid": "k1"}, json.dumps(claims).encode(), party.key)
    form = {**party.parameters(), "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
    answer = http.post("/par", data=form)
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "value", ["NaN", "-Infinity", "1e999", "[" * 700 + "]" * 700, '{"a":' * 300 + "1" + "}" * 300], ids=lambda v: v[:9]
)
@pytest.mark.parametrize("where", ['{"value":%s}', '{"values":[%s]}'])
def test_claims_ask_for_plain_values(party: RelyingParty, visitor: Visitor, value: str, where: str) -> None:
    """OpenID Connect Core §5.5.1: kept with the request as JSON, which has no infinity (RFC 8259 §6) and an end."""
    asked = '{"userinfo":{"given_name":%s}}' % (where % value)
    answer = answer_of(visitor.http.get(party.authorization_url(claims=asked)))
    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize("changes", [{"claims": {}}, {"authorization_details": []}], ids=lambda c: next(iter(c)))
def test_deep_json_in_a_request_object(
    composition: Composition, app: Flask, visitor: Visitor, changes: dict[str, Any]
) -> None:
    """RFC 9101 §4: whatever its client signs is answered to it, and never by a mistake of ours."""
    party = register_keyed(composition)
    visitor.authorize(party)
    name = next(iter(changes))
    for depth in (50, 800, 950):
        deep: Any = 1
        for _ in range(depth):
            deep = {"value": [deep]}
        try:
            signed = party.signed(**{name: {"userinfo": {"given_name": deep}}})
        except RecursionError:
            continue
        answer = visitor.http.get("/authorize", query_string={**party.parameters(), "request": signed})
        assert answer.status_code == 303
        assert answer_of(answer)["error"].startswith("invalid_")


def test_parameters_beside_an_object_never_count_where_requests_must_be_signed(
    composition: Composition, app: Flask, visitor: Visitor
) -> None:
    """RFC 9101 §6.3, §10.5: the merging of older libraries ends where the client says that all of it is signed."""
    party = register_keyed(composition, policy="classic")
    visitor.authorize(party)
    bare = party.signed(response_mode=None, nonce=None, state=None)
    url = party.authorization_url(request=bare, response_mode="fragment", state="injected", nonce="injected")
    assert "state=injected" in visitor.http.get(url).headers["Location"]
    change(composition, party, require_signed_request_object=True)
    location = visitor.http.get(url).headers["Location"]
    assert "injected" not in location
    assert "#" not in location


@pytest.mark.parametrize("door", ["short", "long"])
def test_half_a_body_is_no_request(app: Flask, http: FlaskClient, party: RelyingParty, door: str) -> None:
    """RFC 9112 §8: a body shorter than its length is incomplete; its first half could be a request with less scope."""
    cast(SauFlask, app).short_ways.open = door == "short"
    body = "grant_type=refresh_token&refresh_token=x"
    answer = http.post(
        "/token", data=body, headers={**FORM, **party.basic()}, environ_overrides={"CONTENT_LENGTH": "400"}
    )
    assert answer.status_code == 400
    assert b"invalid_grant" not in answer.data


def test_a_mistake_of_ours_on_the_short_way_is_told_like_any_other(
    app: Flask, http: FlaskClient, party: RelyingParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its headers and its number, once: the server behind must not see an exception, nor the work be repeated."""
    called: list[object] = []

    def fail(*_args: object) -> None:
        called.append(1)
        raise RuntimeError("a mistake")

    monkeypatch.setattr(short_ways, "answer_form", fail)
    answer = http.post("/token", data={"grant_type": "x"}, headers=party.basic())
    assert answer.status_code == 500
    assert b"a mistake" not in answer.data
    assert answer.headers["X-Request-Id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(called) == 1
