"""``prompt`` (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

import pytest

from idp.protocol.errors import RedirectableError
from idp.protocol.prompt import PROMPTS, parse_prompt


@pytest.mark.parametrize(
    ("text", "prompts"),
    [
        (None, set()),
        ("", set()),
        ("none", {"none"}),
        ("login", {"login"}),
        ("login consent", {"login", "consent"}),
        ("consent  consent", {"consent"}),
        ("select_account login", {"select_account", "login"}),
        ("create", {"create"}),
    ],
)
def test_values_stand_in_a_list_with_spaces(text: str | None, prompts: set[str]) -> None:
    """Order and repetition mean nothing."""
    assert parse_prompt(text) == prompts


@pytest.mark.parametrize("other", [prompt for prompt in PROMPTS if prompt not in ("none", "create")])
def test_none_and_create_stand_alone(other: str) -> None:
    """ "If this parameter contains none with any other value, an error is returned"; so with create."""
    for text in (f"none {other}", f"{other} none", f"create {other}", "none create"):
        with pytest.raises(RedirectableError) as caught:
            parse_prompt(text)
        assert caught.value.code == "invalid_request"


@pytest.mark.parametrize("text", ["SELECT_ACCOUNT", "NONE", "login,consent", "signup", "login\tconsent"])
def test_what_is_not_served_is_said(text: str) -> None:
    """An application that asks for a page that never comes must hear of it."""
    with pytest.raises(RedirectableError) as caught:
        parse_prompt(text)
    assert caught.value.code == "invalid_request"
