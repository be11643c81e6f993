"""Addresses that stay here, and parameters that stand once."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict

from web.local_address import local_path
from web.request_bounds import RepeatedParameterError, single_value, single_values


@pytest.mark.parametrize("address", ["/", "/cuenta", "/cuenta?x=%2F%2Fevil", "/a//b", "/a%0a"])
def test_a_local_address_is_kept(address: str) -> None:
    """One slash, then visible ASCII."""
    assert local_path(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/a\\b",
        " /a",
        "/ñ",
        "/\x00",
        "",
        None,
    ],
)
def test_an_address_that_could_lead_away_is_replaced(address: str | None) -> None:
    """attacks and faults, 9; browsers read ``\\`` as ``/`` and drop tabs and line ends (WHATWG URL §4.4)."""
    assert local_path(address) == "/"


def test_a_parameter_stands_once_or_not_at_all() -> None:
    """RFC 6749 §3.1: two readers could take different ones."""
    parameters = MultiDict([("a", "1"), ("b", "2"), ("b", "2")])
    assert single_value(parameters, "a") == "1"
    assert single_value(parameters, "c") is None
    with pytest.raises(RepeatedParameterError):
        single_value(parameters, "b")
    with pytest.raises(RepeatedParameterError):
        single_values(parameters)
    assert single_values(MultiDict([("a", "1")])) == {"a": "1"}
