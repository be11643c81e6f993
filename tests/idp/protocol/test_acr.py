"""``acr_values`` (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.acr import is_reached, required_acr, stated_acr
from idp.protocol.errors import RedirectableError

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


def _claims(values: list[str], *, essential: bool) -> dict[str, Any]:
    return {"id_token": {"acr": {"values": values, "essential": essential}}}


@pytest.mark.parametrize(
    ("values", "wanted"), [(["strong"], "strong"), (["strong", "weak"], "weak"), (["unknown", "middle"], "middle")]
)
def test_of_an_essential_acr_the_weakest_value_is_good_enough(values: list[str], wanted: str) -> None:
    """OpenID Connect Core §5.5.1.1; acr_values and the minimum may ask for more."""
    claims = _claims(values, essential=True)
    assert required_acr(None, known=KNOWN, minimum=None, claims=claims) == wanted
    assert required_acr("strong", known=KNOWN, minimum="middle", claims=claims) == "strong"


def test_an_essential_acr_that_nobody_reaches_is_an_error_and_a_wish_is_none() -> None:
    """OpenID Provider, rule 9: never silently lower."""
    with pytest.raises(RedirectableError) as caught:
        required_acr("weak", known=KNOWN, minimum=None, claims=_claims(["unknown"], essential=True))
    assert caught.value.code == "unmet_authentication_requirements"
    assert required_acr(None, known=KNOWN, minimum=None, claims=_claims(["unknown"], essential=False)) is None
    assert required_acr(None, known=KNOWN, minimum=None, claims=_claims(["strong"], essential=False)) == "strong"


def test_what_is_stated_is_one_of_the_values_that_were_essential() -> None:
    """OpenID Connect Core §5.5.1.1: a stronger login is also the weaker one that was asked for, never the reverse."""
    assert stated_acr("strong", known=KNOWN, minimum=None, claims=_claims(["weak"], essential=True)) == "weak"
    assert (
        stated_acr("strong", known=KNOWN, minimum=None, claims=_claims(["weak", "middle"], essential=True)) == "middle"
    )
    assert stated_acr("weak", known=KNOWN, minimum=None, claims=_claims(["strong"], essential=True)) == "weak"
    assert stated_acr("strong", known=KNOWN, minimum=None, claims=_claims(["weak"], essential=False)) == "strong"
    assert stated_acr("strong", known=KNOWN, minimum=None, claims={}) == "strong"
    assert stated_acr("strong", known=KNOWN, minimum="middle", claims=_claims(["weak"], essential=True)) == "strong"


LEVELS = {"one": "weak", "two": "middle", "three": "strong"}


@pytest.mark.parametrize(
    ("text", "minimum", "wanted"),
    [
        ("two", None, "two"),
        ("unknown two strong", None, "two"),
        ("two", "weak", "two weak"),
        ("strong", "two", "strong two"),
        ("one", "three", "three"),
        ("three", "two", "three"),
        (None, "two", "two"),
        ("two", "strong", "two strong"),
        ("strong", "gone", "gone"),
    ],
)
def test_of_two_vocabularies_both_must_be_reached(text: str | None, minimum: str | None, wanted: str) -> None:
    """A level and a strength do not stand in for each other; what the request prefers stands first."""
    assert required_acr(text, known=KNOWN, levels=LEVELS, minimum=minimum) == wanted


def test_of_essential_values_the_easiest_counts_across_vocabularies() -> None:
    """First by the login that it needs, then by what must be known of the person."""
    for values, wanted in ((["three", "two"], "two"), (["strong", "two"], "two"), (["two", "middle"], "middle")):
        claims = _claims(values, essential=True)
        assert required_acr(None, known=KNOWN, levels=LEVELS, minimum=None, claims=claims) == wanted


def test_a_level_is_stated_where_levels_were_asked_for_and_never_more_than_is_known() -> None:
    """The vocabulary is the one that was asked; unasked, it is the strength."""
    given = {"known": KNOWN, "levels": LEVELS, "minimum": None}
    assert stated_acr("strong", **given, claims={}, required="one", level=2) == "two"
    assert stated_acr("strong", **given, claims={}, required="one", level=3) == "three"
    assert stated_acr("weak", **given, claims={}, required="one", level=3) == "one"
    assert stated_acr("strong", **given, claims={}, required="weak two", level=3) == "strong"
    assert stated_acr("strong", **given, claims={}, required=None, level=3) == "strong"
    claims = _claims(["one", "two"], essential=True)
    assert stated_acr("strong", **given, claims=claims, required="one", level=3) == "two"
    assert stated_acr("strong", **given, claims=claims, required="one", level=1) == "one"


@given(
    required=st.lists(st.sampled_from([*KNOWN, *LEVELS, "unknown"]), min_size=1, max_size=2).map(" ".join),
    acr=st.sampled_from(KNOWN),
    level=st.integers(0, 3),
)
def test_more_of_either_never_reaches_less(required: str, acr: str, level: int) -> None:
    """Whatever a login reaches, a stronger one of a better known person reaches too; the unknown nobody reaches."""
    reached = is_reached(required, acr=acr, known=KNOWN, levels=LEVELS, level=level)
    assert not reached or is_reached(required, acr="strong", known=KNOWN, levels=LEVELS, level=3)
    assert not (reached and "unknown" in required)
