"""Commands where nothing is installed yet: what is wrong is said, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import sau

_ANA = ("--email", "a@b.test", "--name", "Ana Quispe")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("user", "add", "--cedula", "123", *_ANA), "[cedula_length]"),
        (("user", "add", "--passport", "AB123", *_ANA), "[passport_unclear]"),
        (("user", "add", *_ANA), "[username_missing]"),
        (("user", "add", "--cedula", "1710034065", "--email", "nobody", "--name", "Ana Quispe"), "[email_"),
        (("institution", "add", "--ruc", "12", "--name", "Una"), "[bad_ruc]"),
        (("ca", "revoke", "zz", "--reason", "superseded"), "[bad_serial]"),
        (("ca", "revoke", "0a", "--reason", "because"), "[unknown_revocation_reason]"),
        (("user", "add", "--cedula", "1710034065", *_ANA), "run 'sau init' first"),
        (("client", "list"), "run 'sau init' first"),
        (("audit", "verify"), "run 'sau init' first"),
        (("db", "current"), "run 'sau init' first"),
        (("doctor",), "run 'sau init' first"),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, tuple) else "",
)
def test_nothing_is_made_by_a_command_that_cannot_work(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad input is judged before anything is opened; good input says what has to be done first."""
    home = tmp_path / "var"
    monkeypatch.setenv("SAU_HOME", str(home))
    sau._composition.cache_clear()
    done = CliRunner().invoke(sau.main, list(arguments))
    sau._composition.cache_clear()
    assert (done.exit_code, said in done.stderr) == (1, True), done.stderr
    assert not home.exists()
