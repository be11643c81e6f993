"""How commands print: for people and for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from kernel.command_line import print_records

RECORDS = [
    {"name": "raíz", "not_after": datetime(2046, 11, 22, 14, 15, tzinfo=UTC), "names": ["a", "b"], "note": None},
    {"name": "emisora", "not_after": datetime(2036, 11, 21, 14, 15, tzinfo=UTC), "names": [], "note": "x" * 60},
]


def test_json_is_one_array_with_whole_values(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` is for programs: ISO 8601 times, lists as lists, nothing cut."""
    print_records(RECORDS, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed[0] == {"name": "raíz", "not_after": "2046-11-22T14:15:00+00:00", "names": ["a", "b"], "note": None}


def test_a_pipe_gets_one_record_a_line_and_nothing_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """grep and awk work on it; columns stand below each other, accents counted as one."""
    print_records(RECORDS, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "x" * 60 in lines[2]
    assert lines[1].index("2046") == lines[2].index("2036") == lines[0].index("not_after")


def test_a_narrow_terminal_gets_blocks_instead_of_folded_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An identifier that is folded cannot be copied."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    print_records(RECORDS, as_json=False)
    printed = capsys.readouterr().out
    assert "note       " + "x" * 60 in printed
    assert "\n\n" in printed


def test_nothing_found_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty answer is an answer; in JSON it is an empty array."""
    print_records([], as_json=False, empty="Nobody waits.")
    print_records([], as_json=True)
    assert capsys.readouterr().out == "Nobody waits.\n[]\n"
