"""How answers travel (OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.errors import RedirectableError
from idp.protocol.response_mode import (
    carrier_of,
    is_signed,
    require_served_response_mode,
    response_mode_or_default,
    with_fragment,
    with_query,
)


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post", "query.jwt", "fragment.jwt", "form_post.jwt"])
def test_served_modes_are_taken(mode: str) -> None:
    """For the answer and for its errors."""
    require_served_response_mode(mode, response_type="code")
    assert response_mode_or_default(mode, response_type="code") == mode


@pytest.mark.parametrize("mode", ["web_message", "jwt.query", "", "QUERY", ".jwt", "jwt.jwt"])
def test_another_mode_is_refused_by_the_default_one(mode: str) -> None:
    """The error itself needs a way that exists."""
    assert response_mode_or_default(mode, response_type="code") == "query"
    with pytest.raises(RedirectableError) as caught:
        require_served_response_mode(mode, response_type="code")
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    ("response_type", "mode"),
    [("code", "query"), (None, "query"), ("id_token", "fragment"), ("code token", "fragment")],
)
def test_without_one_it_follows_from_the_response_type(response_type: str | None, mode: str) -> None:
    """Multiple Response Types §3, §5; JARM §2.3.4 for ``jwt``."""
    require_served_response_mode(None, response_type=response_type)
    assert response_mode_or_default(None, response_type=response_type) == mode
    assert response_mode_or_default("jwt", response_type=response_type) == f"{mode}.jwt"


@pytest.mark.parametrize("mode", ["query", "query.jwt"])
def test_no_token_ever_stands_in_a_query(mode: str) -> None:
    """Multiple Response Types §3, JARM §2.3.1; the error goes where tokens may."""
    with pytest.raises(RedirectableError):
        require_served_response_mode(mode, response_type="id_token token")
    assert response_mode_or_default(mode, response_type="id_token token") == "fragment"


@pytest.mark.parametrize("mode", [None, "query", "form_post", "jwt"])
def test_who_wants_signed_answers_gets_no_other(mode: str | None) -> None:
    """FAPI 2.0 Message Signing §5.4: errors too; a mode that is plain is refused."""
    assert is_signed(response_mode_or_default(mode, response_type="code", signed=True))
    if mode in ("query", "form_post"):
        with pytest.raises(RedirectableError):
            require_served_response_mode(mode, response_type="code", signed=True)


def test_a_signed_mode_has_a_plain_carrier() -> None:
    """JARM §2.3: query.jwt is a query with the one parameter ``response``."""
    assert carrier_of("form_post.jwt") == carrier_of("form_post") == "form_post"
    assert with_fragment("https://portal.example/cb", {"a": "b c"}) == "https://portal.example/cb#a=b+c"


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=20), max_size=4))
def test_parameters_arrive_as_they_were_and_the_registered_query_stays(parameters: dict[str, str]) -> None:
    """RFC 6749 §3.1.2: "the query component MUST be retained"; nothing in a state ends the query or the header line."""
    for uri, kept in (("https://portal.example/cb", []), ("https://portal.example/cb?tenant=1", [("tenant", "1")])):
        target = with_query(uri, parameters)
        assert parse_qsl(urlsplit(target).query, keep_blank_values=True) == kept + list(parameters.items())
        assert target.isascii()
        assert target.isprintable()
        assert "#" not in target
