"""``docs/metrics.md``: every number that ``/metrics`` gives, read from where the code makes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_HOUSES = ("kernel", "keys", "outgoing", "audit", "web", "idp", "ca", "admin", "operations")
_KINDS = {
    "Counter": "counter",
    "Histogram": "histogram",
    "Gauge": "gauge",
    "GaugeMetricFamily": "gauge",
    "_gauge": "gauge",
}
_HEAD = """\
# Metrics

Made from the code by `make docs`; a test holds this page to it. `/metrics` gives them in Prometheus' text form. A
counter's name ends in `_total` there, a histogram's numbers in `_bucket`, `_sum` and `_count`. Labels are words of
ours, never what a client sent. What to ring a bell about is in `deploy/monitoring/`, told in
[operations.md](operations.md).

| name | kind | labels | what | made by |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Metric:
    """One number, as the code declares it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    what: str
    module: str


def metrics_page() -> str:
    """Return the page: a row a metric, by name."""
    return _HEAD + "".join(_row(each) for each in sorted(metrics(), key=lambda metric: metric.name))


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.what} | `{metric.module}` |\n"


def metrics() -> Iterator[Metric]:
    """Yield every metric whose name the code says in full."""
    for house in _HOUSES:
        for file in sorted((ROOT / house).rglob("*.py")):
            text = file.read_text("utf-8")
            if '"sau_' in text:
                yield from _of_module(
                    ast.parse(text), file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
                )


def _of_module(tree: ast.Module, module: str) -> Iterator[Metric]:
    told = {
        target.id: statement.value
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _KINDS):
            continue
        given = [_value(told.get(each.id) if isinstance(each, ast.Name) else each) for each in call.args]
        if not (given and isinstance(given[0], str) and given[0].startswith("sau_")):
            continue
        named = [_value(each.value) for each in call.keywords if each.arg in ("labels", "labelnames")]
        labels = given[2:] if call.func.id == "_gauge" else (given[2:3] or named or [()])[0]
        yield Metric(given[0], _KINDS[call.func.id], tuple(map(str, labels or ())), str(given[1]), module)


def _value(node: ast.expr | None) -> object:
    try:
        return ast.literal_eval(node) if node is not None else None
    except ValueError:
        return None
