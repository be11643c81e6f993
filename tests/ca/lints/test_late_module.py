"""Modules that are read when something of them is first used."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from ca.lints.late_module import imported_late


def test_a_module_is_read_when_something_of_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imported it meanwhile has all that it offers, and nobody else gets the stand-in."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with imported_late("colorsys"):
        import colorsys as held
    assert type(held) is not ModuleType
    assert "colorsys" not in sys.modules
    assert held.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert type(sys.modules["colorsys"]) is ModuleType
    with pytest.raises(AttributeError):
        _ = held.nothing_of_this_name


def test_a_module_that_is_read_already_is_left_alone() -> None:
    """There is nothing to be saved."""
    with imported_late("json"):
        assert type(sys.modules["json"]) is ModuleType
