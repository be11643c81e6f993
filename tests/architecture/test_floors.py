"""Arrows point only down (architecture, "Floors")."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.architecture.source import HOUSES, ROOT, imported_by, modules

_ROOTS = {"bridges", "composition", "sau", "wsgi"}


def test_import_contracts_hold() -> None:
    """The contracts of setup.cfg: layers, Authlib in one room, rules without Flask, the root's key."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_every_house_stands_in_the_contracts() -> None:
    """A new package at the top is put on a floor before anything else."""
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "migrations", "bench"}
    assert found == set(HOUSES)


def test_no_house_knows_the_composition_roots() -> None:
    """What a house needs is handed in. ``operations`` stands above: it runs what the composition put together."""
    offenders = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        if path.parts[0] in set(HOUSES) - {"operations"}
        for name in imported_by(tree)
        if name.split(".")[0] in _ROOTS | {"tests", "examples"}
    ]
    assert offenders == []


def test_authlib_stays_in_its_room() -> None:
    """Adapters of its grants and endpoints live in idp/oauth; ``authlib.jose`` is used nowhere (deprecated)."""
    offenders = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        for name in imported_by(tree)
        if name.startswith("authlib.jose") or (name.split(".")[0] == "authlib" and path.parts[:2] != ("idp", "oauth"))
    ]
    assert offenders == []


def test_idp_and_ca_do_not_know_each_other() -> None:
    """What one needs of the other it states as a protocol of its own."""
    other = {"idp": "ca", "ca": "idp"}
    offenders = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        for name in imported_by(tree)
        if name.split(".")[0] == other.get(path.parts[0])
    ]
    assert offenders == []


def test_portals_know_nothing_of_our_inside() -> None:
    """The examples are what a stranger would write."""
    import ast

    offenders = [
        f"{path} imports {name}"
        for path in (ROOT / "examples").rglob("*.py")
        for name in imported_by(ast.parse(path.read_text("utf-8")))
        if name.split(".")[0] in set(HOUSES) | _ROOTS
    ]
    assert offenders == []
