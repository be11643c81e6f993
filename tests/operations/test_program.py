"""The ``sau`` program: a house's commands are there when they are asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import sau

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("house", sau.HOUSES)
def test_a_house_brings_the_commands_that_are_said_to_be_its(house: str) -> None:
    """Else a command could not be called although ``--help`` shows it."""
    brought = import_module(house).commands(lambda: pytest.fail("made without need"))
    told = {name: click.Command(name, help=text) for name, text in sau.HOUSES[house][1].items()}
    assert {command.name: _short(command) for command in brought} == {name: _short(told[name]) for name in told}


def _short(command: click.Command) -> str:
    return command.get_short_help_str(1000)


def test_help_shows_every_command() -> None:
    """Whoever brings it."""
    shown = CliRunner().invoke(sau.main, ["--help"])
    assert shown.exit_code == 0
    for name in (name for _, names in sau.HOUSES.values() for name in names):
        assert f"\n  {name} " in shown.output


def test_a_command_loads_no_other_house() -> None:
    """Importing all of them takes as long as what most commands do."""
    asked = (
        "import sys, sau\n"
        "sau.main(['ca', 'bulk', '--help'], standalone_mode=False)\n"
        "print('operations.installation' in sys.modules, 'admin.commands' in sys.modules, 'ca.commands' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False True"


@pytest.mark.parametrize(
    ("asked", "environment"),
    [
        (["--help"], {}),
        (["doctor", "--help"], {}),
        (["completion", "bash"], {}),
        ([], {"_SAU_COMPLETE": "bash_complete", "COMP_WORDS": "sau d", "COMP_CWORD": "1"}),
    ],
)
def test_help_and_completion_import_next_to_nothing(asked: list[str], environment: dict[str, str]) -> None:
    """Whoever looks for a command does not wait for the whole service to be imported: some 1,500 modules."""
    run = f"import sau\ntry: sau.main({asked!r}, prog_name='sau')\nexcept SystemExit: pass\n"
    count = "import sys; print(len(sys.modules), 'sqlalchemy' in sys.modules, 'pydantic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", run + count],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    modules, *heavy = done.stdout.splitlines()[-1].split()
    assert heavy == ["False", "False"]
    assert int(modules) < 300


def test_the_log_s_group_has_what_the_operations_add() -> None:
    """`sau audit accept-loss` is about both logs."""
    shown = CliRunner().invoke(sau.main, ["audit", "--help"])
    assert "accept-loss" in shown.output and "verify" in shown.output


def test_no_such_command() -> None:
    """Wrong usage: status 2."""
    assert CliRunner().invoke(sau.main, ["nonsense"]).exit_code == 2
