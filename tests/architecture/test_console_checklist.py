"""What is asked of the console: each line has a place and a test, and every test that is named is there."""

from __future__ import annotations

import re
from functools import cache

from tests.architecture.source import ROOT, defined_tests


@cache
def rows() -> list[tuple[str, str, str]]:
    """Return what is asked, where it is, and what holds it."""
    text = (ROOT / "docs" / "console-checklist.md").read_text("utf-8")
    return [row for row in re.findall(r"^\| (.+?) \| (.*?) ?\| (.+) \|$", text, re.M) if row[0] != "asked"]


def test_each_line_of_the_console_names_what_holds_it() -> None:
    """A test by name, or the journeys that are named above it."""
    assert len(rows()) > 60
    assert [asked for asked, _, held in rows() if not re.search(r"`test_\w+`|the journeys above", held)] == []


def test_every_test_of_the_console_that_is_named_exists() -> None:
    """A promise without a test is a wish."""
    named = {name for _, _, held in rows() for name in re.findall(r"`(test_\w+)`", held)}
    assert len(named) > 100
    assert sorted(named - defined_tests()) == []
