"""Running others' programs: their text is read, since some end well whatever they found."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.servers.process import find_program


def run(
    program: str, *arguments: str, package: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    """Return what a program says on both outputs."""
    done = subprocess.run(
        [find_program(program, package=package), *arguments],
        cwd=cwd,
        env=None if env is None else dict(env),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=240,
    )
    return done.stdout + done.stderr
