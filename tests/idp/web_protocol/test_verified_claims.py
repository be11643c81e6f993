"""OpenID Connect for Identity Assurance 1.0: verified claims where they are asked for, allowed and as asked."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from composition import Composition
from kernel.clock import ManualClock
from tests.idp.relying_party import RelyingParty, Visitor, answer_of
from tests.idp.web_protocol.test_levels import verify

NAMES = {"given_name": None, "family_name": None}


def asked(element: Any, place: str = "userinfo") -> str:
    """Return a ``claims`` parameter that asks for the element."""
    return json.dumps({place: {"verified_claims": element}})


def told(http: FlaskClient, visitor: Visitor, party: RelyingParty, element: Any) -> Any:
    """Return what UserInfo says for the element."""
    given = party.exchange(http, visitor.authorize(party, claims=asked(element))).get_json()
    bearer = {"Authorization": f"Bearer {given['access_token']}"}
    return http.get("/userinfo", headers=bearer).get_json().get("verified_claims")


def test_the_framework_and_what_was_asked_for_are_told(
    composition: Composition, http: FlaskClient, visitor: Visitor, party: RelyingParty
) -> None:
    """§6.2: the framework always, time, level and evidence where they were asked for; in the ID token too."""
    verify(composition, visitor)
    plain = told(http, visitor, party, {"verification": {"trust_framework": None}, "claims": NAMES})
    assert plain["verification"] == {"trust_framework": "ec_sau"}
    assert set(plain["claims"]) == {"given_name", "family_name"}
    element = {
        "verification": {"trust_framework": {"value": "ec_sau"}, "time": {"max_age": 60}, "assurance_level": None},
        "claims": {"cedula": None, "birthdate": None},
    }
    code = visitor.authorize(party, scope="openid profile cedula", claims=asked(element, "id_token"))
    claims = party.claims(party.exchange(http, code).get_json()["id_token"])["verified_claims"]
    assert claims == {
        "verification": {"trust_framework": "ec_sau", "assurance_level": "level2", "time": "2026-11-23T17:00:00Z"},
        "claims": {"cedula": "1710034065"},
    }


@pytest.mark.parametrize(
    "verification",
    [
        {"trust_framework": {"value": "eidas"}},
        {"trust_framework": {"values": ["de_aml", "eidas"]}},
        {"trust_framework": None, "assurance_level": {"value": "level3"}},
        {"trust_framework": None, "time": {"max_age": 0}},
        {"trust_framework": None, "evidence": [{"type": {"value": "vouch"}}]},
    ],
    ids=["framework", "frameworks", "level", "age", "evidence"],
)
def test_what_is_not_as_asked_is_left_out_whole(
    composition: Composition,
    http: FlaskClient,
    clock: ManualClock,
    visitor: Visitor,
    party: RelyingParty,
    verification: dict[str, Any],
) -> None:
    """§6: no error, and nothing of it; nor of anybody whose identity is not verified."""
    element = {"verification": {"trust_framework": None}, "claims": NAMES}
    assert told(http, visitor, party, element) is None, "level 1"
    verify(composition, visitor)
    clock.advance(timedelta(seconds=2))
    assert told(http, visitor, party, element | {"verification": verification}) is None
    assert told(http, visitor, party, element) is not None


def test_only_claims_whose_scope_was_asked_and_the_page_says_it_each_time(
    composition: Composition, http: FlaskClient, visitor: Visitor, party: RelyingParty
) -> None:
    """The person sees that verified data are given, also where the plain ones were allowed before."""
    verify(composition, visitor)
    element = {"verification": {"trust_framework": None}, "claims": NAMES}
    for _ in range(2):
        page = visitor.http.get(visitor.http.get(party.authorization_url(claims=asked(element))).headers["Location"])
        assert "Cómo y cuándo se comprobó su identidad" in page.text
        visitor.decide(page)
    refused = visitor.http.get(party.authorization_url(claims=asked(element), prompt="none"))
    assert answer_of(refused)["error"] == "consent_required"


@pytest.mark.parametrize("element", [{}, {"claims": NAMES}, {"verification": {}, "claims": {}}, [], "x", [None]])
def test_an_element_without_its_parts_is_refused(visitor: Visitor, party: RelyingParty, element: Any) -> None:
    """§6.1: verification and claims, with at least one claim."""
    refused = answer_of(visitor.http.get(party.authorization_url(claims=asked(element))))
    assert refused["error"] == "invalid_request"


def test_it_is_announced(http: FlaskClient) -> None:
    """§9."""
    document = http.get("/.well-known/openid-configuration").get_json()
    assert document["verified_claims_supported"] is True
    assert document["trust_frameworks_supported"] == ["ec_sau"]
    assert "given_name" in document["claims_in_verified_claims_supported"]
