"""Plots as numbers: where bars and grid lines stand, in per cent of the drawing. The template writes the SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_TOP, _BOTTOM = 10.0, 84.0  # the axis text stands below


@dataclass(frozen=True)
class Bar:
    """One stacked bar: ``lower`` is the main amount, ``upper`` what is hatched on top; all in per cent."""

    x: float
    width: float
    lower_y: float
    lower_height: float
    upper_y: float
    upper_height: float


@dataclass(frozen=True)
class GridLine:
    """A horizontal line and its value."""

    y: float
    value: int


@dataclass(frozen=True)
class BarPlot:
    """A plot of stacked bars over ``slots`` places."""

    bars: tuple[Bar, ...]
    grid: tuple[GridLine, ...]


def stacked_bars(amounts: Sequence[tuple[int, int]], *, slots: int) -> BarPlot:
    """Lay out one bar for each (lower, upper) pair of ``amounts`` from the left, in ``slots`` places of equal width."""
    top = _round_up(max((lower + upper for lower, upper in amounts), default=0))
    scale = (_BOTTOM - _TOP) / top
    step = 100.0 / slots
    bars = []
    for place, (lower, upper) in enumerate(amounts):
        lower_height, upper_height = lower * scale, upper * scale
        bars.append(
            Bar(
                x=round(place * step + step * 0.12, 2),
                width=round(step * 0.76, 2),
                lower_y=round(_BOTTOM - lower_height, 2),
                lower_height=round(lower_height, 2),
                upper_y=round(_BOTTOM - lower_height - upper_height, 2),
                upper_height=round(upper_height, 2),
            )
        )
    grid = tuple(GridLine(y=round(_BOTTOM - value * scale, 2), value=value) for value in (0, top // 2, top))
    return BarPlot(bars=tuple(bars), grid=grid)


def _round_up(value: int) -> int:
    """Return an even number with one or two leading digits that is at least ``value``, and at least 4."""
    magnitude = 1
    while value > 10 * magnitude:
        magnitude *= 10
    for step in (4, 6, 8, 10):
        if value <= step * magnitude:
            return step * magnitude
    return 10 * magnitude
