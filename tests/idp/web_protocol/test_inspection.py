"""The token inspector: each check by itself, with the very tokens of the endpoints and with broken ones."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from composition import Composition
from idp.clients.client import find_client
from idp.developer.inspection import Given, Inspection, inspect_token
from idp.developer.token_checks import Result
from idp.developer.token_reading import LONGEST, TokenKind
from idp.tokens.jws import sign_jwt
from kernel.clock import ManualClock
from kernel.errors import Rejected
from kernel.identifiers import b64url, b64url_decode
from tests.idp.relying_party import RelyingParty, Visitor, register


@pytest.fixture
def tokens(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> dict[str, Any]:
    """What a login gives."""
    document: dict[str, Any] = party.exchange(http, visitor.authorize(party)).get_json()
    return document


def _inspect(party: RelyingParty, text: str, kind: TokenKind | None = None, **given: str) -> Inspection:
    composition = party.composition
    with composition.database.reading() as session:
        client = find_client(session, party.client_id)
    now = composition.clock.now()
    return inspect_token(composition.idp, client=client, text=text, kind=kind, given=Given(**given), now=now)


def _failed(inspection: Inspection) -> set[str]:
    return {check.words for check in inspection.checks if check.result is Result.FAILED}


def _changed(composition: Composition, token: str, **claims: object) -> str:
    """Return ``token`` with other claims, signed anew by this service; None takes a claim away."""
    header, payload = (json.loads(b64url_decode(part)) for part in token.split(".")[:2])
    with composition.database.reading() as session:
        signer = composition.idp.token_keys.active_signer(session, header["alg"])
    kept = {name: value for name, value in (payload | claims).items() if value is not None}
    return sign_jwt(kept, signer=signer, typ=header.get("typ", "JWT"))


def test_a_good_token_passes_every_check(party: RelyingParty, tokens: dict[str, Any]) -> None:
    """OpenID Connect Core §3.1.3.7: and says what it is, with nonce and access token compared."""
    told = _inspect(party, f"Bearer {tokens['id_token']}\n", nonce="n-0", access_token=tokens["access_token"])
    assert (told.kind, told.ours, _failed(told)) == (TokenKind.ID_TOKEN, True, set())
    assert {check.name for check in told.checks} >= {"alg", "signature", "iss", "aud", "exp", "nonce", "at_hash"}


@pytest.mark.parametrize(
    ("claims", "failed"),
    [
        ({"iss": "https://elsewhere.example"}, {"iss:other"}),
        ({"aud": "somebody else"}, {"aud:other"}),
        ({"exp": 1}, {"exp:past"}),
        ({"exp": "soon"}, {"exp:malformed"}),
        ({"nonce": "another"}, {"nonce:other"}),
        ({"nonce": None}, {"nonce:absent"}),
        ({"sub": None}, {"sub:absent"}),
        ({"iat": 32503680000}, {"iat:future"}),
    ],
    ids=["iss", "aud", "exp", "exp text", "nonce", "no nonce", "no sub", "iat"],
)
def test_each_fault_is_named_alone(
    party: RelyingParty, tokens: dict[str, Any], claims: dict[str, object], failed: set[str]
) -> None:
    """A well signed token with one wrong claim."""
    told = _inspect(party, _changed(party.composition, tokens["id_token"], **claims), TokenKind.ID_TOKEN, nonce="n-0")
    assert _failed(told) == failed


def test_what_is_wrong_with_a_signature_is_told(party: RelyingParty, tokens: dict[str, Any]) -> None:
    """RFC 8725: changed, absent, "none", a key that nobody published."""
    header, payload, signature = tokens["id_token"].split(".")
    claims = json.loads(b64url_decode(payload))
    other = b64url(json.dumps({**claims, "acr": "more"}).encode())
    none = b64url(json.dumps({"alg": "none"}).encode())
    stranger = b64url(json.dumps({**json.loads(b64url_decode(header)), "kid": "stranger"}).encode())
    assert "signature:bad_signature" in _failed(_inspect(party, f"{header}.{other}.{signature}"))
    assert {"alg:none", "signature:absent"} <= _failed(_inspect(party, f"{none}.{payload}."))
    assert "signature:unknown_key" in _failed(_inspect(party, f"{stranger}.{payload}.{signature}"))


def test_an_access_token_is_no_identity_and_its_standing_is_told(
    party: RelyingParty, tokens: dict[str, Any], http: FlaskClient, clock: ManualClock
) -> None:
    """RFC 9068 §5: by its type; alive, revoked, and of another application nothing but what stands in it."""
    token = tokens["access_token"]
    assert "typ:other" in _failed(_inspect(party, token, TokenKind.ID_TOKEN))
    assert _inspect(party, token).standing == "alive"
    assert _inspect(register(party.composition), token).standing is None
    http.post("/revoke", data={"token": token}, headers=party.basic())
    assert _inspect(party, token).standing not in (None, "alive")
    clock.advance(timedelta(days=1))
    assert "exp:past" in _failed(_inspect(party, token))


def test_a_token_that_is_a_mere_reference_says_nothing_of_others(party: RelyingParty) -> None:
    """Whether it is known to somebody else cannot be learnt here."""
    told = _inspect(party, "abcdefghijklmnopqrstuvwxyz")
    assert (told.token.opaque, told.kind, told.standing, told.ours) == (True, None, None, False)


def test_an_encrypted_token_is_left_closed(party: RelyingParty) -> None:
    """RFC 7516: five parts, for the application's key alone."""
    header = b64url(json.dumps({"alg": "ECDH-ES", "enc": "A256GCM"}).encode())
    told = _inspect(party, f"{header}..abc.def.ghi")
    assert (told.token.encrypted, told.token.claims, told.checks) == (True, None, ())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" \n", "token_missing"),
        ("a" * (LONGEST + 1), "token_too_long"),
        ("a.b", "token_malformed"),
        ("!.e30.AA", "token_malformed"),
        (f"{b64url(b'[]')}.e30.AA", "token_malformed"),
        (f"e30.{b64url(b'[' * 9000)}.AA", "token_malformed"),
        ("ñ.e30.AA", "token_malformed"),
    ],
    ids=["empty", "long", "two parts", "no base64url", "no object", "deep", "no ascii"],
)
def test_what_is_no_token_is_refused_plainly(party: RelyingParty, text: str, code: str) -> None:
    """Never a crash."""
    with pytest.raises(Rejected) as refused:
        _inspect(party, text)
    assert refused.value.code == code
