"""``max_age`` (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.errors import RedirectableError
from idp.protocol.max_age import authenticated_after, parse_max_age

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ANY: frozenset[str] = frozenset()


@given(st.integers(min_value=0, max_value=999_999_999))
def test_it_is_a_number_of_seconds(seconds: int) -> None:
    """Back from now by so many."""
    assert parse_max_age(str(seconds)) == seconds
    assert authenticated_after(prompts=ANY, max_age=seconds, now=NOW) == NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", " 1", "+1", "1_000", "٣", "9" * 10, "0x10"])
def test_anything_else_is_an_invalid_request(text: str) -> None:
    """A limit that is not understood must not pass for none."""
    with pytest.raises(RedirectableError) as caught:
        parse_max_age(text)
    assert caught.value.code == "invalid_request"


def test_without_it_any_login_will_do() -> None:
    """The session's own age is the only limit then."""
    assert parse_max_age(None) is None
    assert authenticated_after(prompts=ANY, max_age=None, now=NOW) is None


@pytest.mark.parametrize(("prompts", "max_age"), [(ANY, 0), (frozenset({"login"}), None), (frozenset({"login"}), 600)])
def test_zero_and_prompt_login_force_a_fresh_login(prompts: frozenset[str], max_age: int | None) -> None:
    """§3.1.2.1: both mean that the person authenticates now; the stricter of the two counts."""
    assert authenticated_after(prompts=prompts, max_age=max_age, now=NOW) == NOW


def test_prompt_consent_alone_asks_for_no_login() -> None:
    """Consent is another question."""
    assert authenticated_after(prompts=frozenset({"consent"}), max_age=None, now=NOW) is None
