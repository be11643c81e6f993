"""Tables as CSV that a spreadsheet reads as text and never as formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection"); CR, LF and the full-width forms
# that some programs fold to the ASCII signs count too, also behind blanks.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutralize_cell(text: str) -> str:
    """Return ``text`` with an apostrophe before it when a spreadsheet might take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS) else text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield ``header`` and ``rows`` as RFC 4180 lines, every cell quoted and neutralized. ``None`` is an empty cell."""
    for row in chain((header,), rows):
        line = io.StringIO()
        csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(
            neutralize_cell("" if cell is None else str(cell)) for cell in row
        )
        yield line.getvalue()
