"""Parameters as they came (RFC 6749 §3.1, §3.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.parameters import (
    COUNT_LIMIT,
    NAME_LIMIT,
    TOTAL_LIMIT,
    VALUE_LIMIT,
    ParametersError,
    read_parameters,
)


def test_a_parameter_without_a_value_is_absent() -> None:
    """§3.1: "Parameters sent without a value MUST be treated as if they were omitted"."""
    parameters = read_parameters([("state", ""), ("nonce", "n")])
    assert parameters.get("state") is None
    assert parameters.get("nonce") == "n"
    parameters.require_each_once()


@pytest.mark.parametrize(
    "pairs", [[("a", "1"), ("a", "1")], [("a", ""), ("a", "1")], [("a", "1"), ("b", ""), ("a", "2")]]
)
def test_a_parameter_that_comes_twice_is_noticed(pairs: list[tuple[str, str]]) -> None:
    """§3.1: "MUST NOT be included more than once": two readers might each believe another one."""
    parameters = read_parameters(pairs)
    assert parameters.repeated == {"a"}
    with pytest.raises(ParametersError) as caught:
        parameters.require_each_once()
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    "pairs",
    [
        [(f"p{number}", "x") for number in range(COUNT_LIMIT + 1)],
        [("n" * (NAME_LIMIT + 1), "x")],
        [("state", "x" * (VALUE_LIMIT + 1))],
        [(f"p{number}", "x" * VALUE_LIMIT) for number in range(TOTAL_LIMIT // VALUE_LIMIT + 1)],
    ],
    ids=["count", "name", "value", "total"],
)
def test_size_is_bounded(pairs: list[tuple[str, str]]) -> None:
    """What no rule would look at is not carried around."""
    with pytest.raises(ParametersError):
        read_parameters(pairs)


@pytest.mark.parametrize("character", ["\0", "\r", "\n", "\t", "\x1f", "\x7f", "\ud800"])
def test_control_characters_are_refused(character: str) -> None:
    """None has a place in a header, a log or a text column."""
    for pair in ((f"a{character}", "x"), ("a", f"x{character}")):
        with pytest.raises(ParametersError):
            read_parameters([pair])


@given(st.lists(st.tuples(st.text(max_size=70), st.text(max_size=30)), max_size=60))
def test_whatever_comes_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    """Never another error; what is read is what was sent."""
    try:
        parameters = read_parameters(pairs)
    except ParametersError:
        return
    assert {(name, value) for name, value in pairs if value} >= set(parameters.values.items())
    assert {name for name, _ in pairs} >= parameters.repeated
