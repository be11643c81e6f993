"""Request objects as rules (RFC 9101, OpenID Connect Core §6, FAPI 2.0 Message Signing §5.3.1)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from idp.protocol.jose import JwtError, VerifiedJwt
from idp.protocol.parameters import read_parameters
from idp.protocol.request_object import request_object_parameters
from idp.protocol.request_origin import contradictions, merged

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISSUER = "https://sau.example"
MINUTES = timedelta(minutes=1)


def _at(delta: timedelta) -> int:
    return int((NOW + delta).timestamp())


GOOD: dict[str, Any] = {
    "iss": "portal",
    "aud": ISSUER,
    "exp": _at(5 * MINUTES),
    "nbf": _at(timedelta()),
    "client_id": "portal",
    "scope": "openid",
}


def _read(*, typ: Any = "oauth-authz-req+jwt", strict: bool = True, **changes: Any) -> dict[str, str]:
    claims = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    verified = VerifiedJwt({"alg": "ES256", "typ": typ} if typ else {"alg": "ES256"}, claims)
    parameters = request_object_parameters(verified, client_id="portal", issuer=ISSUER, strict=strict, now=NOW)
    return dict(parameters.values)


def _reason(**changes: Any) -> str:
    with pytest.raises(JwtError) as caught:
        _read(**changes)
    return caught.value.reason


@pytest.mark.parametrize("typ", ["oauth-authz-req+jwt", "application/oauth-authz-req+jwt", "JWT", "jwt", None])
def test_the_type_is_its_own_or_none(typ: str | None) -> None:
    """RFC 9101 §10.8."""
    assert _read(typ=typ) == {"client_id": "portal", "scope": "openid"}


@pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", "logout+jwt", "client-authentication+jwt", 7])
def test_another_kind_of_token_is_no_request(typ: object) -> None:
    """RFC 8725 §3.11."""
    assert _reason(typ=typ) == "wrong_type"


@pytest.mark.parametrize("audience", [ISSUER, [ISSUER], [ISSUER, "https://other.example"]])
def test_we_are_among_the_audiences(audience: object) -> None:
    """FAPI 2.0 Message Signing §5.3.1."""
    assert _read(aud=audience)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "https://other.example"}, "bad_aud"),
        ({"aud": f"{ISSUER}/"}, "bad_aud"),
        ({"aud": []}, "bad_aud"),
        ({"aud": ...}, "bad_aud"),
        ({"iss": "another"}, "bad_iss"),
        ({"client_id": "another"}, "bad_client_id"),
        ({"sub": "portal"}, "bad_sub"),
        ({"exp": ...}, "no_exp"),
        ({"nbf": ...}, "no_nbf"),
        ({"exp": _at(timedelta())}, "expired"),
        ({"exp": _at(-MINUTES)}, "expired"),
        ({"exp": _at(62 * MINUTES)}, "lives_too_long"),
        ({"nbf": _at(-61 * MINUTES)}, "lives_too_long"),
        ({"nbf": _at(2 * MINUTES)}, "nbf_in_the_future"),
        ({"iat": _at(2 * MINUTES)}, "iat_in_the_future"),
        ({"exp": "soon"}, "bad_exp"),
        ({"exp": True}, "bad_exp"),
        ({"request": "x"}, "nested"),
        ({"request_uri": "x"}, "nested"),
        ({"state": True}, "bad_parameters"),
        ({"state": "a\x00b"}, "bad_parameters"),
        ({"state": "x" * 9000}, "bad_parameters"),
        ({"state": 1.5}, "bad_parameters"),
    ],
)
def test_what_is_not_from_this_client_for_us_and_for_now_is_refused(changes: dict[str, Any], reason: str) -> None:
    """OpenID Provider, rule 10; RFC 9101 §4, §5, §10.8."""
    assert _reason(**changes) == reason


def test_a_clock_eight_seconds_ahead_is_accepted() -> None:
    """FAPI 2.0 §5.3.2.1 note 3."""
    assert _read(nbf=_at(timedelta(seconds=8)), iat=_at(timedelta(seconds=8)))


def test_without_strictness_times_and_audience_may_be_absent_but_never_wrong() -> None:
    """OpenID Connect Core §6.1: SHOULD."""
    assert _read(strict=False, aud=..., exp=..., nbf=..., iss=..., client_id=...)
    for wrong in ({"aud": "x"}, {"exp": _at(-MINUTES)}, {"exp": _at(62 * MINUTES), "nbf": ...}, {"iss": "x"}):
        assert _reason(strict=False, **wrong)


def test_numbers_and_json_become_the_parameters_that_they_stand_for() -> None:
    """RFC 9101 §4: JSON numbers and objects; OpenID Connect Core §6.1."""
    read = _read(max_age=300, claims={"id_token": {"acr": None}}, authorization_details=[{"type": "t"}], state=None)
    assert read["max_age"] == "300"
    assert json.loads(read["claims"]) == {"id_token": {"acr": None}}
    assert json.loads(read["authorization_details"]) == [{"type": "t"}]
    assert "state" not in read
    verified = VerifiedJwt({}, GOOD | {"resource": ["https://a.example", "https://b.example"]})
    parameters = request_object_parameters(verified, client_id="portal", issuer=ISSUER, strict=True, now=NOW)
    assert parameters.all("resource") == ("https://a.example", "https://b.example")


def test_what_comes_beside_it_may_repeat_but_not_contradict() -> None:
    """OpenID Provider, rule 10; RFC 9101 §6.3."""
    inner = read_parameters([("scope", "openid"), ("resource", "a"), ("resource", "b")])
    outer = [("client_id", "portal"), ("request", "x"), ("scope", "openid"), ("state", "new")]
    assert contradictions(inner, read_parameters(outer)) == frozenset()
    assert contradictions(inner, read_parameters([("scope", "openid email"), ("resource", "a")])) == {
        "scope",
        "resource",
    }


def test_what_comes_twice_beside_it_is_a_contradiction() -> None:
    """OpenID Provider, rule 15: which of the two would agree?"""
    inner = read_parameters([("scope", "openid")])
    assert contradictions(inner, read_parameters([("state", "1"), ("state", "1")])) == {"state"}


def test_where_it_is_merged_the_object_wins_and_the_envelope_stays_outside() -> None:
    """OpenID Connect Core §6.1."""
    inner = read_parameters([("scope", "openid"), ("client_id", "portal")])
    outer = read_parameters([("client_id", "portal"), ("request", "x"), ("state", "s"), ("nonce", "1"), ("nonce", "2")])
    result = merged(inner, outer)
    assert dict(result.values) == {"client_id": "portal", "scope": "openid", "state": "s", "nonce": "2"}
    assert result.repeated == {"nonce"}
