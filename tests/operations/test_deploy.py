"""What ``deploy/`` ships is taken by the programs that it is for, and is as closed as it says."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.servers.process import find_program

_UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
_CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text("utf-8").replace("\\\n", " ")
_MOST_EXPOSED = 1.5  # of 10, by systemd's own measure


def _name(file: Path) -> str:
    return file.name


@pytest.mark.parametrize("unit", _UNITS, ids=_name)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify`, with a program that exists here in the place of ours."""
    program = find_program("systemd-analyze", package="systemd")
    text = unit.read_text("utf-8").replace("/opt/sau/.venv/bin/sau", "/bin/true").replace("Documentation", "#")
    (tmp_path / unit.name).write_text(text)
    for other in _UNITS:
        if other != unit:
            (tmp_path / other.name).write_text("[Service]\nExecStart=/bin/true\n")
    done = subprocess.run([program, "verify", tmp_path / unit.name], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if unit.stem in line and "Failed to" not in line]
    assert said == []


@pytest.mark.parametrize("unit", _UNITS, ids=_name)
def test_the_unit_exposes_little(unit: Path) -> None:
    """The figure of `systemd-analyze security` that docs/operations.md cites, or better."""
    program = find_program("systemd-analyze", package="systemd")
    done = subprocess.run([program, "security", "--offline=true", unit], capture_output=True, text=True)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= _MOST_EXPOSED


def test_all_units_are_closed_alike() -> None:
    """A line that one has and another has not is forgotten, not meant."""
    closed = {}
    for unit in _UNITS:
        _, _, rest = unit.read_text("utf-8").partition("# Only its own home")
        closed[unit.name] = rest.partition("[Install]")[0].strip()
    assert len(set(closed.values())) == 1
    assert len(closed) == 4


def test_the_services_user_is_made_by_systemds_own_program() -> None:
    """`systemd-sysusers --dry-run` reads it."""
    program = find_program("systemd-sysusers", package="systemd")
    file = ROOT / "deploy" / "systemd" / "sysusers.conf"
    done = subprocess.run([program, "--dry-run", "--inline", *_lines(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def test_the_container_holds_all_of_the_program_and_nothing_else() -> None:
    """Every package and module that setup.cfg names is copied, and what is copied exists and is let in."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    packages = {name.strip("*\n ") for name in config["options.packages.find"]["include"].split()}
    modules = {f"{name}.py" for name in config["options"]["py_modules"].split()}
    copied = {
        source for line in re.findall(r"^COPY (?!--from)(.+)$", _CONTAINERFILE, re.M) for source in line.split()[:-1]
    }
    assert packages | modules <= copied
    let_in = (ROOT / ".containerignore").read_text("utf-8").splitlines()
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in let_in or source.startswith("requirements"), source


def test_the_container_runs_as_nobody_in_particular() -> None:
    """Not root, from locked and hashed packages, without a secret in a layer, and it says how it is."""
    instructions = re.findall(r"^([A-Z]+) (.+)$", _CONTAINERFILE, re.M)
    users = [value for name, value in instructions if name == "USER"]
    assert users
    assert users[-1].isdigit()
    assert int(users[-1]) > 1000
    assert all("--require-hashes" in line for line in re.findall(r"pip install[^&]+-r [^&]+", _CONTAINERFILE))
    assert ":latest" not in _CONTAINERFILE
    environment = " ".join(value for name, value in instructions if name == "ENV")
    assert not re.search(r"(?i)pass|secret|key", environment)
    assert "/health" in next(value for name, value in instructions if name == "HEALTHCHECK")
    known = {"ARG", "FROM", "RUN", "WORKDIR", "COPY", "ENV", "VOLUME", "EXPOSE", "USER", "STOPSIGNAL", "HEALTHCHECK"}
    assert {name for name, _ in instructions} <= known | {"ENTRYPOINT", "CMD"}
