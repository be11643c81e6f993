"""systemd as the first process of a machine of its own (namespaces), with the units that we ship."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.process import ServerProcess, find_program

_ROOT = Path(__file__).resolve().parents[2]
_GROUPS = Path("/sys/fs/cgroup")
_NAMESPACES = ["--mount", "--pid", "--net", "--cgroup", "--uts", "--ipc"]
_PATIENCE = 240


@dataclass
class SystemdMachine:
    """The machine. :ivar first: the process id of its systemd, as it is outside."""

    process: ServerProcess
    first: int

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run a program there, as root, and return what it said."""
        enter = ["nsenter", "--target", str(self.first), *_NAMESPACES, "--"]
        done = subprocess.run([*enter, *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False)
        assert not (check and done.returncode), f"{arguments}: {done.stdout}{done.stderr}\n{self.log()}"
        return done.stdout

    def sau(self, *arguments: str) -> str:
        """Run ``sau`` as docs/night.md says."""
        own = ["HOME=/var/lib/sau", "SAU_CONFIG=/etc/sau/sau.env", "/opt/sau/.venv/bin/sau", *arguments]
        return self.run("runuser", "-u", "sau", "--", "env", "--chdir=/opt/sau", *own)

    def status(self, path: str) -> str:
        """Return the status with which the service answers, ``000`` if it does not."""
        asked = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
        return self.run(*asked, f"http://127.0.0.1:8000{path}", check=False)

    def show(self, unit: str, what: str) -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", unit, "--property", what, "--value").strip()

    def log(self) -> str:
        """Return the end of what units and systemd said."""
        enter = ["nsenter", "--target", str(self.first), "--mount", "tail", "-n", "40", "/run/sau.log"]
        return (
            subprocess.run(enter, capture_output=True, text=True, check=False).stdout + self.process.read_log()[-2000:]
        )


@contextmanager
def run_systemd(folder: Path) -> Iterator[SystemdMachine]:
    """Boot the machine and switch it off. Skips where there is no systemd, no root, or no control group to be had."""
    for program, package in (("/lib/systemd/systemd", "systemd"), ("nsenter", "util-linux"), ("curl", "curl")):
        if not Path(program).exists():
            find_program(program, package=package)
    if os.geteuid() != 0:
        pytest.skip("systemd as the first process of a namespace needs root")
    groups = _own_groups()
    python = Path(sys.executable).resolve()
    script = [Path(__file__).with_suffix(".sh"), _ROOT, sys.base_prefix, sys.prefix]
    arguments = [*script, python.relative_to(Path(sys.base_prefix).resolve()), "unified" if len(groups) == 1 else "two"]
    try:
        # The shell enters the groups first: the namespace of control groups begins where it is.
        enter = "; ".join(f"echo $$ > {group}/cgroup.procs" for group in groups)
        process = ServerProcess(
            "systemd",
            [
                "bash",
                "-c",
                f'{enter}; exec unshare --fork --kill-child {" ".join(_NAMESPACES)} bash "$@"',
                "-",
                *arguments,
            ],
            log=folder / "systemd.log",
        )
        try:
            yield SystemdMachine(process, _booted(process))
        finally:
            process.kill()
    finally:
        for group in groups:
            _remove(group)


def _own_groups() -> list[Path]:
    """Make an empty control group in each hierarchy that systemd asks for."""
    one = (_GROUPS / "cgroup.controllers").exists()
    above = [_GROUPS] if one else [_GROUPS / "systemd", _GROUPS / "unified"]
    made = [each / f"sau-test-{os.getpid()}" for each in above]
    try:
        for group in made:
            group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group to be had for systemd ({error})")
    return made


def _booted(process: ServerProcess) -> int:
    """Return the id of the namespace's first process, once its systemd is up."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            enter = ["nsenter", "--target", child, *_NAMESPACES, "systemctl", "is-system-running"]
            done = subprocess.run(enter, capture_output=True, text=True, check=False)
            if done.stdout.strip() in ("running", "degraded"):
                return int(child)
        time.sleep(0.2)
    pytest.skip(f"systemd does not run in a namespace here:\n{process.read_log()[-2000:]}")


def _remove(group: Path) -> None:
    deadline = time.monotonic() + 20
    while group.exists() and time.monotonic() < deadline:
        for folder in sorted((each for each in group.rglob("*") if each.is_dir()), key=lambda each: -len(each.parts)):
            with suppress(OSError):
                folder.rmdir()
        with suppress(OSError):
            group.rmdir()
        time.sleep(0.1)
