"""What is JSON here, and what is none."""

from __future__ import annotations

import pytest

from web.json_body import read_json


def test_reads_what_is_json() -> None:
    assert read_json('{"ñ": [1, null, "\\u00f1"]}'.encode()) == {"ñ": [1, None, "ñ"]}


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'["\\u0000"]',
        b'{"\\ud800": 1}',
        b'["\xff"]',
        b"1" * 5000,
    ],
    ids=["nothing", "half", "deep", "nan", "twice", "nul", "surrogate", "latin", "number"],
)
def test_refuses_what_is_none(octets: bytes) -> None:
    """RFC 8259, RFC 7493 §2: readers would differ, or stop."""
    with pytest.raises(ValueError):
        read_json(octets)
