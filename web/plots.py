"""Plots that the server draws: geometry in percent of the drawing, text in the page's own type, numbers in a table.

The heading above a plot states its conclusion; the plot shows it; ``components.html`` puts the numbers below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import format_number

_BASE = 84.0
_TOP = 8.0
_BAR_SHARE = 0.76


@dataclass(frozen=True)
class Column:
    """One bar: its label, its value, and what is usual there (``None``: not known)."""

    label: str
    value: float
    usual: float | None = None


@dataclass(frozen=True)
class BarPlot:
    """A plot ready for ``{{ c.bar_plot(plot, id) }}``: positions are percentages, rounded to hundredths."""

    title: str
    low: bool
    value_name: str
    usual_name: str
    grid: list[dict[str, Any]]
    bars: list[dict[str, Any]]
    labels: list[dict[str, Any]]
    columns: list[str]
    rows: list[list[str]]

    @property
    def is_flat(self) -> bool:
        """Whether nothing rises above the line: there is nothing to see."""
        return not any(bar["height"] or (bar["usual_y"] is not None and bar["usual_y"] < _BASE) for bar in self.bars)


def bar_plot(
    columns: Sequence[Column],
    *,
    title: str,
    label_name: str,
    value_name: str,
    usual_name: str = "",
    label_every: int = 1,
    low: bool = False,
) -> BarPlot:
    """Return bars for ``columns`` on one scale from zero.

    :param title: the plot in a sentence, for those who do not see it.
    :param label_name: heading of the labels in the table of numbers.
    :param value_name: name of the bars.
    :param usual_name: name of the marks of what is usual; empty: no marks.
    :param label_every: write under every n-th bar only.
    :param low: a lower plot.
    """
    top = nice_ceiling(max([0.0, *(c.value for c in columns), *(c.usual or 0.0 for c in columns)]))
    slot = 100 / max(len(columns), 1)
    bars, labels = [], []
    for index, column in enumerate(columns):
        left = slot * index
        y = _height(column.value, top)
        bars.append(
            {
                "x": _round(left + slot * (1 - _BAR_SHARE) / 2),
                "y": _round(y),
                "width": _round(slot * _BAR_SHARE),
                "height": _round(_BASE - y),
                "left": _round(left + slot * 0.02),
                "right": _round(left + slot * 0.98),
                "usual_y": None if column.usual is None or not usual_name else _round(_height(column.usual, top)),
            }
        )
        if index % label_every == 0:
            labels.append(
                {
                    "x": _round(left + slot / 2),
                    "text": column.label,
                    "anchor": "middle",
                    # A narrow screen has room for every second label.
                    "odd": (index // label_every) % 2 == 1,
                }
            )
    names = [label_name, value_name, *([usual_name] if usual_name else [])]
    rows = [
        [c.label, _number(c.value), *([_number(c.usual) if c.usual is not None else "–"] if usual_name else [])]
        for c in columns
    ]
    grid = [{"y": _round(_height(top * part, top)), "text": _number(top * part)} for part in (0, 0.5, 1)]
    return BarPlot(title, low, value_name, usual_name, grid, bars, labels, names, rows)


def nice_ceiling(value: float) -> float:
    """Return the least of 1, 2, 4, 6, 8, 10 times a power of ten that is not below ``value``; at least 2."""
    if value <= 2:
        return 2.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= value)


def _height(value: float, top: float) -> float:
    return _BASE - (_BASE - _TOP) * value / top


def _round(value: float) -> float:
    return round(value, 2)


def _number(value: float) -> str:
    text: str = format_number(round(value, 1) if value % 1 else int(value))
    return text
