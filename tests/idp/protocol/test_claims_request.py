"""The claims parameter (OpenID Connect Core §5.5)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.claims_request import (
    SIZE_LIMIT,
    names_in,
    parse_claims_request,
    requested_acr,
    required_subject,
    scopes_behind,
    within_scopes,
)
from idp.protocol.errors import RedirectableError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from(["email", "value", "x"]), some),
    max_leaves=5,
)


def _parse(**document: Any) -> dict[str, Any]:
    return parse_claims_request(json.dumps(document))


def test_the_example_of_the_specification_is_read() -> None:
    """§5.5: null is a voluntary claim; what we do not know is ignored."""
    claims = _parse(
        userinfo={
            "given_name": {"essential": True},
            "nickname": None,
            "email": {"essential": True},
            "email_verified": {"essential": True},
            "picture": None,
            "http://example.info/claims/groups": None,
        },
        id_token={"auth_time": {"essential": True}, "acr": {"values": ["urn:mace:incommon:iap:silver"]}},
        something=1,
    )
    assert names_in(claims, "userinfo") == ("given_name", "email", "email_verified")
    assert names_in(claims, "id_token") == ()
    assert claims["id_token"] == {"auth_time": {"essential": True}, "acr": {"values": ["urn:mace:incommon:iap:silver"]}}


def test_without_the_parameter_nothing_is_asked() -> None:
    """Nor with an empty one."""
    assert parse_claims_request(None) == parse_claims_request("{}") == _parse(userinfo=None, id_token={}) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '"a"',
        "{",
        '{"userinfo": []}',
        '{"id_token": 1}',
        '{"userinfo": {"email": true}}',
        '{"userinfo": {"email": {"essential": "yes"}}}',
        '{"userinfo": {"email": {"values": []}}}',
        '{"userinfo": {"email": {"values": "a"}}}',
        '{"id_token": {"sub": {"value": 1}}}',
        json.dumps({"userinfo": {"email": {"value": "x" * SIZE_LIMIT}}}),
        "[" * 3_000,
    ],
)
def test_what_is_not_of_the_form_is_an_invalid_request(text: str) -> None:
    """§5.5: a JSON object of JSON objects."""
    with pytest.raises(RedirectableError) as caught:
        parse_claims_request(text)
    assert caught.value.code == "invalid_request"


@given(document=JSON)
def test_no_document_fails_otherwise(document: Any) -> None:
    """Whatever comes is read or refused; what is read is read the same again."""
    try:
        claims = _parse(userinfo=document, id_token=document)
    except RedirectableError:
        return
    assert parse_claims_request(json.dumps(claims)) == claims
    assert set(scopes_behind(claims)) <= {"openid", "email"}


def test_claims_stand_for_the_scopes_that_people_read() -> None:
    """Asking by name is no way around consent."""
    claims = _parse(userinfo={"email": None}, id_token={"family_name": None, "acr": None})
    assert scopes_behind(claims) == ("openid", "profile", "email")
    assert within_scopes(claims, ("openid", "email")) == {"userinfo": {"email": {}}, "id_token": {"acr": {}}}
    assert within_scopes(claims, ()) == {}


@pytest.mark.parametrize("rule", [{"value": "a"}, {"value": "a", "essential": True}])
def test_a_subject_asked_for_by_value_is_required(rule: dict[str, Any]) -> None:
    """§5.5.1: sub with a value means that person or nobody."""
    assert required_subject(_parse(id_token={"sub": rule})) == "a"
    assert required_subject(_parse(userinfo={"sub": rule})) is None
    assert required_subject(_parse(id_token={"sub": None})) is None


def test_the_strength_of_login_may_be_asked_for_as_essential() -> None:
    """§5.5.1.1."""
    assert requested_acr(_parse(id_token={"acr": {"essential": True, "values": ["a", "b", 1]}})) == (("a", "b"), True)
    assert requested_acr(_parse(id_token={"acr": {"value": "a"}})) == (("a",), False)
    assert requested_acr(_parse(id_token={"acr": None})) == ((), False)
    assert requested_acr({}) == ((), False)
