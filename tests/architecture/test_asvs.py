"""The map of the verification standard: whole, and every test that it names is there."""

from __future__ import annotations

import re
from functools import cache

from tests.architecture.source import ROOT, defined_tests

# How many requirements each section of ASVS 5.0.0 has.
SECTIONS = {
    6: (3, 12, 8, 6, 8, 4, 2, 4),
    7: (3, 4, 2, 5, 3, 2),
    10: (2, 3, 5, 16, 5, 2, 3),
    11: (4, 5, 5, 4, 2, 2, 2),
    16: (1, 5, 4, 3, 4),
}


@cache
def rows() -> list[tuple[str, str]]:
    """Return requirement and where it is met."""
    text = (ROOT / "docs" / "asvs.md").read_text("utf-8")
    return re.findall(r"^\| (\d+\.\d+\.\d+) \|[^|]+\| (.+) \|$", text, re.M)


def test_no_requirement_of_these_chapters_is_left_out() -> None:
    """Each once, in order."""
    expected = [
        f"{chapter}.{section}.{number}"
        for chapter, sections in SECTIONS.items()
        for section, count in enumerate(sections, 1)
        for number in range(1, count + 1)
    ]
    assert [requirement for requirement, _ in rows()] == expected


def test_each_is_shown_stated_or_excepted() -> None:
    """A test, a page of ours, or an exception with its reason."""
    bare = [
        requirement
        for requirement, where in rows()
        if not re.search(r"`test_\w+`|\[[\w-]+\.md\]|Exception: \w{3,}", where)
    ]
    assert bare == []


def test_every_test_that_is_named_exists() -> None:
    """A promise without a test is a wish."""
    named = {name for _, where in rows() for name in re.findall(r"`(test_\w+)`", where)}
    assert len(named) > 90
    assert sorted(named - defined_tests()) == []
