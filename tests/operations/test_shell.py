"""The program in real shells: completion at the tabulator, and the manual page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import sau

ROOT = Path(__file__).parents[2]
_PROGRAM = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
sys.argv[0] = "sau"
import sau
sau.main()
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``sau`` is a program, as after the installation."""
    program = tmp_path / "bin" / "sau"
    program.parent.mkdir()
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}


def _script(shell: str, folder: Path) -> Path:
    made = CliRunner().invoke(sau.main, ["completion", shell])
    assert made.exit_code == 0, made.output
    path = folder / f"sau.{shell}"
    path.write_text(made.output)
    return path


def _run(words: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bash_completes(installed: dict[str, str], tmp_path: Path) -> None:
    """Commands of a group, by the function that bash itself calls."""
    words = f"source {_script('bash', tmp_path)}; COMP_WORDS=(sau delivery re); COMP_CWORD=2"
    words += "; _sau_completion sau re delivery"
    shown = _run(["bash", "--norc", "-c", f'{words}; echo "${{COMPREPLY[@]}}"; complete -p sau'], installed)
    assert shown.splitlines()[0] == "repeat"
    assert "-F _sau_completion sau" in shown


def test_fish_completes(installed: dict[str, str], tmp_path: Path) -> None:
    """Options with what they do, as fish shows them."""
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed: apt-get install fish")
    shown = _run(
        ["fish", "--no-config", "-c", f"source {_script('fish', tmp_path)}; complete -C 'sau delivery list --g'"],
        installed,
    )
    assert shown.startswith("--given-up\t")


def test_zsh_completes(installed: dict[str, str], tmp_path: Path) -> None:
    """The script is one that zsh reads, and what it asks the program for comes in zsh's form."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed: apt-get install zsh")
    script = _script("zsh", tmp_path)
    asked = "compdef() { echo compdef $@ }; zstyle() { : }; source " + str(script)
    assert "compdef _sau_completion sau" in _run(["zsh", "-f", "-c", asked], installed)
    words = {"COMP_WORDS": "sau delivery li", "COMP_CWORD": "2", "_SAU_COMPLETE": "zsh_complete"}
    assert _run(["sau"], installed | words).splitlines()[:2] == ["plain", "list"]


def test_the_manual_page_has_every_command_and_is_well_formed(tmp_path: Path) -> None:
    """mandoc has nothing to say about it; a command that is added stands in it by itself."""
    made = CliRunner().invoke(sau.main, ["man"])
    assert made.exit_code == 0
    for command in ("delivery repeat", "config apply", "audit verify", "doctor"):
        assert f'.SS "{command}"' in made.output
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed: apt-get install mandoc")
    page = tmp_path / "sau.1"
    page.write_text(made.output)
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    shown = subprocess.run(["mandoc", "-Tascii", page], capture_output=True, text=True, check=True).stdout
    assert "single sign-on" in shown
