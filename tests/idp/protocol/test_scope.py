"""Scopes (RFC 6749 §3.3, §6; OpenID Connect Core §3.1.2.1, §5.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.errors import RedirectableError
from idp.protocol.scope import CLAIMS_BY_SCOPE, IDENTITY_SCOPES, narrowed_scopes, requested_scopes, split_scope

TOKENS = st.text([chr(code) for code in (0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F))], min_size=1, max_size=20)


@given(st.lists(TOKENS))
def test_tokens_keep_their_order_and_stand_once(tokens: list[str]) -> None:
    """RFC 6749 §3.3: order has no meaning, repetition neither."""
    assert split_scope(" ".join(tokens)) == tuple(dict.fromkeys(tokens))


@pytest.mark.parametrize("text", ['a"b', "a\\b", "á", "a\tb", "a\nb", "x" * 129])
def test_other_characters_make_no_scope(text: str) -> None:
    """RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )."""
    with pytest.raises(ValueError, match="not a scope"):
        split_scope(text)
    with pytest.raises(RedirectableError) as caught:
        requested_scopes(f"openid {text}", allowed=IDENTITY_SCOPES)
    assert caught.value.code == "invalid_scope"


@pytest.mark.parametrize("text", [None, "", "profile", "OPENID", "openid2"])
def test_openid_must_be_among_them(text: str | None) -> None:
    """OpenID Connect Core §3.1.2.1; without it this is no request for a login."""
    with pytest.raises(RedirectableError) as caught:
        requested_scopes(text, allowed=IDENTITY_SCOPES)
    assert caught.value.code == "invalid_scope"


def test_unknown_values_are_ignored_and_forbidden_ones_refused() -> None:
    """§3.1.2.1: "values not understood SHOULD be ignored"; what a client was not given, it must hear of."""
    assert requested_scopes("telefono openid address", allowed=("openid",)) == ("openid",)
    with pytest.raises(RedirectableError) as caught:
        requested_scopes("openid cedula", allowed=("openid",))
    assert caught.value.code == "invalid_scope"
    assert "cedula" in caught.value.public_detail


@given(st.permutations(IDENTITY_SCOPES))
def test_people_read_them_in_one_order(scopes: list[str]) -> None:
    """The page does not look different for each application."""
    assert requested_scopes(" ".join(scopes), allowed=IDENTITY_SCOPES) == IDENTITY_SCOPES


@given(granted=st.lists(TOKENS, unique=True), asked=st.lists(TOKENS, unique=True))
def test_a_refresh_never_gives_more_than_was_granted(granted: list[str], asked: list[str]) -> None:
    """RFC 6749 §6: "MUST NOT include any scope not originally granted"."""
    if asked and set(asked) <= set(granted):
        assert set(narrowed_scopes(" ".join(asked), granted=granted)) == set(asked)
    elif asked:
        with pytest.raises(ValueError, match="not granted"):
            narrowed_scopes(" ".join(asked), granted=granted)
    else:
        assert narrowed_scopes(None, granted=granted) == tuple(granted)


def test_each_scope_says_which_claims_it_opens() -> None:
    """OpenID Connect Core §5.4; no scope is served that nobody can explain."""
    assert set(CLAIMS_BY_SCOPE) == set(IDENTITY_SCOPES)
