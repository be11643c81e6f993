"""Results as text for a terminal, and as the tables of docs/performance.md: ``python -m bench.report FILE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def line_as_text(line: dict[str, Any]) -> str:
    """Return one scenario as a line."""
    parts = [f"{line['title']:<30}"]
    for name, side in line["sides"].items():
        parts.append(
            f"{name} {side['median_per_second']:>9,.1f}/s  p50 {side['p50_ms']:>6.1f}  p99 {side['p99_ms']:>6.1f} ms"
            f"  cpu {side['server_processor_ms']:.2f} + {side['database_processor_ms']:.2f} ms"
        )
    return "   ".join([*parts, _ratio(line)])


def as_text(document: dict[str, Any]) -> str:
    """Return the whole as text."""
    facts = document["facts"]
    head = [f"{name}: {value}" for name, value in facts.items() if name != "servers"]
    costs = [f"{name}: {value}" for name, value in facts["servers"].items()]
    return "\n".join(["", *head, *costs, "", *map(line_as_text, document["results"])])


def as_markdown(document: dict[str, Any]) -> str:
    """Return the tables of the page."""
    names = list(document["facts"]["servers"])
    columns = [f"{name}, a second | p50 / p99 ms" for name in names]
    lines = [
        f"| what | {' | '.join(columns)} | ratio (rounds) | wanted |",
        f"|---|{'---:|---:|' * len(names)}---:|---:|",
    ]
    for line in document["results"]:
        cells = []
        for name in names:
            side = line["sides"].get(name)
            cells.append(
                f"{side['median_per_second']:,.0f} | {side['p50_ms']:.1f} / {side['p99_ms']:.1f}" if side else "– | –"
            )
        lines.append(f"| {line['title']} | {' | '.join(cells)} | {_ratio(line)} | {line['target']:g} × |")
    lines += ["", "| | cold start, s | memory at start, MB | memory after the load, MB |", "|---|---:|---:|---:|"]
    for name, cost in document["facts"]["servers"].items():
        lines.append(
            f"| {name} | {cost['cold_start_seconds']:.2f} | {cost['memory_mb_at_start']} |"
            f" {cost.get('memory_mb_after_load', '–')} |"
        )
    return "\n".join(lines)


def _ratio(line: dict[str, Any]) -> str:
    if line["ratio"] is None:
        return "–"
    return f"{line['ratio']:.2f} × ({min(line['ratios']):.2f}–{max(line['ratios']):.2f})"


if __name__ == "__main__":
    print(as_markdown(json.loads(Path(sys.argv[1]).read_text())))
