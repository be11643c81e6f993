"""``acr_values`` (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.acr import required_acr

KNOWN = ("weak", "middle", "strong")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, None),
        ("", None),
        ("strong", "strong"),
        ("weak strong", "weak"),
        ("unknown strong weak", "strong"),
        ("unknown", None),
        ("STRONG", None),
    ],
)
def test_the_first_value_that_is_known_counts(text: str | None, wanted: str | None) -> None:
    """ "In order of preference"; voluntary, so what is not known is ignored."""
    assert required_acr(text, known=KNOWN, minimum=None) == wanted


@given(
    text=st.lists(st.sampled_from([*KNOWN, "unknown"])).map(" ".join),
    minimum=st.sampled_from(KNOWN),
)
def test_the_registered_minimum_is_never_lowered(text: str, minimum: str) -> None:
    """``default_acr_values`` here is a floor: a forged request must not weaken an application's login."""
    wanted = required_acr(text, known=KNOWN, minimum=minimum)
    assert wanted is not None
    assert KNOWN.index(wanted) >= KNOWN.index(minimum)


def test_a_request_may_ask_for_more_than_the_minimum() -> None:
    """RFC 9470 §4: step-up for one page of an application."""
    assert required_acr("strong", known=KNOWN, minimum="weak") == "strong"


def test_a_minimum_that_is_not_served_is_kept() -> None:
    """A service that wants certificates gets nobody in without, also where the mutual-TLS host was taken away."""
    assert required_acr("weak", known=KNOWN, minimum="strongest") == "strongest"
