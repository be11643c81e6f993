"""Reference pages that are read from the code leave nothing out."""

from __future__ import annotations

import re

from admin.api.operations import OPERATIONS, PREFIX
from ca.api.description import api_description
from scripts.api_reference import apis_page
from scripts.metrics_reference import metrics
from tests.architecture.source import ROOT


def test_every_metric_that_alerts_ask_for_is_told() -> None:
    """What ``deploy/monitoring`` rings a bell about is a number that the service gives."""
    told = {metric.name for metric in metrics()}
    asked = {
        re.sub(r"_(total|bucket|sum|count)$", "", name)
        for file in (ROOT / "deploy" / "monitoring").rglob("*")
        if file.is_file()
        for name in re.findall(r"\bsau_[a-z_]+", file.read_text("utf-8"))
    }
    assert len(asked) > 5
    assert asked <= told


def test_every_operation_of_an_api_has_its_section() -> None:
    """The page has what the description has, with the scope that each asks for."""
    page = apis_page()
    for path, item in api_description("https://x.example")["paths"].items():
        for verb in item:
            assert f"### `{verb.upper()} /pki/api/v1{path}`" in page
    assert "Scope: `pki:revoke`." in page
    assert all(f"### `{each.method} {PREFIX}{each.path}`" in page for each in OPERATIONS)
    assert "Scope: `console:read`." in page
