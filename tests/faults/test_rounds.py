"""The frame of the harnesses: rounds, figures, and what every run leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import Figure, rounds, turns
from tests.faults.rounds import told_figure


@pytest.mark.parametrize(("asked", "expected"), [(None, 3), ("", 3), ("long", 200), ("7", 7), ("0", 1)])
def test_rounds_are_short_unless_somebody_asks(
    asked: str | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``FAULT_ROUNDS`` is unset in every run, ``long`` by ``make faults``, or a number."""
    monkeypatch.delenv("FAULT_ROUNDS", raising=False)
    if asked is not None:
        monkeypatch.setenv("FAULT_ROUNDS", asked)
    assert rounds(3, 200) == expected


def test_a_run_that_is_cut_short_has_told_how_far_it_came(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``FAULT_MINUTES`` ends it after a round, and what was done until then is in the file."""
    told = tmp_path / "progress"
    monkeypatch.setenv("FAULT_PROGRESS", str(told))
    monkeypatch.setenv("FAULT_MINUTES", "0")
    assert list(turns("kills", 200)) == [0]
    assert "kills: 1 of 200 rounds good" in told.read_text()
    monkeypatch.delenv("FAULT_MINUTES")
    assert list(turns("kills", 3)) == [0, 1, 2]
    assert "kills: 3 of 3 rounds good" in told.read_text()


def test_figures_are_told_as_people_read_them() -> None:
    """Whole numbers whole, others with three digits."""
    assert told_figure("killed", 200, "times") == "killed: 200 times"
    assert told_figure("back after", 3.14159, "s") == "back after: 3.14 s"
    assert told_figure("events", 1234567.8, "") == "events: 1,234,568"


def test_figures_travel_with_the_report(figure: Figure, request: pytest.FixtureRequest) -> None:
    """A report crosses from the process that tests to the one that prints."""
    figure("frames", 1, "")
    assert request.node.user_properties == [("figure", "frames: 1")]


@pytest.mark.faults
def test_what_is_marked_runs_only_if_asked() -> None:
    """``make test`` leaves it out."""
    assert rounds(0, 1) >= 1
