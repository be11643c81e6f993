"""Node.js programs with locked packages, installed once into a cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers.process import find_program

_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "node"
_PATIENCE = 240


def install_node_program(source: Path) -> Path:
    """Copy a folder with ``package-lock.json`` into the cache, install its packages there, and return the copy.

    The packages are those of the lock file, by their hashes, and no script of theirs runs. Without a registry the test
    is skipped, unless they are in the cache.
    """
    find_program("node", package="nodejs")
    npm = find_program("npm", package="npm")
    digest = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()[:16]
    target = _CACHE / f"{source.name}-{digest}"
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:
        # Another process of this run may want the same: npm empties the folder first.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(npm, source, target)
    return target


def _install(npm: str, source: Path, target: Path) -> None:
    for file in source.iterdir():
        if file.is_file():
            shutil.copyfile(file, target / file.name)
    if (target / ".installed").exists():
        return
    try:
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=target,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm cannot install {source.name}: no answer in {_PATIENCE} s")
    if done.returncode:
        pytest.skip(f"npm cannot install {source.name}: {done.stderr.strip().splitlines()[0][:120]}")
    (target / ".installed").touch()
