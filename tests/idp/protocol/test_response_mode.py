"""How answers travel (OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.errors import RedirectableError
from idp.protocol.response_mode import require_served_response_mode, response_mode_or_default, with_query


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_served_modes_are_taken(mode: str) -> None:
    """For the answer and for its errors."""
    require_served_response_mode(mode)
    assert response_mode_or_default(mode) == mode


@pytest.mark.parametrize("mode", ["fragment", "web_message", "query.jwt", "", "QUERY"])
def test_another_mode_is_refused_by_the_default_one(mode: str) -> None:
    """RFC 9700 §4.1: nothing in fragments; the error itself needs a way that exists."""
    assert response_mode_or_default(mode) == "query"
    with pytest.raises(RedirectableError) as caught:
        require_served_response_mode(mode)
    assert caught.value.code == "invalid_request"


def test_without_one_it_is_the_query() -> None:
    """Multiple Response Types §2.1: the default of ``code``."""
    require_served_response_mode(None)
    assert response_mode_or_default(None) == "query"


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=20), max_size=4))
def test_parameters_arrive_as_they_were_and_the_registered_query_stays(parameters: dict[str, str]) -> None:
    """RFC 6749 §3.1.2: "the query component MUST be retained"; nothing in a state ends the query or the header line."""
    for uri, kept in (("https://portal.example/cb", []), ("https://portal.example/cb?tenant=1", [("tenant", "1")])):
        target = with_query(uri, parameters)
        assert parse_qsl(urlsplit(target).query, keep_blank_values=True) == kept + list(parameters.items())
        assert target.isascii()
        assert target.isprintable()
        assert "#" not in target
