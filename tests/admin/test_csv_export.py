"""Cells of exports (attacks, "Console" 14)."""

from __future__ import annotations

import csv
import io

import pytest

from admin.masking import mask_cedula
from web.csv_export import csv_lines, neutralize_cell


@pytest.mark.parametrize("cell", ["=1+1", "+593", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_run_is_neutralized(cell: str) -> None:
    """Console 14: it begins with an apostrophe, so it is text."""
    assert neutralize_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "1710034065", "idp:password:verified", "a=b", "a,b", 'a"b'])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    """And survive the way through CSV."""
    assert neutralize_cell(cell) == cell
    (row,) = csv.reader(io.StringIO("".join(csv_lines([cell], []))))
    assert row == [cell]


def test_a_line_break_or_quote_does_not_end_the_cell() -> None:
    """RFC 4180 §2: quoted, and quotes doubled; no cell can forge the next row."""
    text = "".join(csv_lines(["a"], [['x"\r\n=cmd', None]]))
    assert list(csv.reader(io.StringIO(text, newline="")))[1] == ['x"\r\n=cmd', ""]


def test_a_cedula_is_shown_without_its_middle() -> None:
    """The look, "Never": no full cédula in lists."""
    assert mask_cedula("1710034065") == "17…4065"
    assert mask_cedula("123") == "…"
