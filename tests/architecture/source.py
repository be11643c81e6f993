"""The project's own source, parsed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOUSES = ("kernel", "keys", "outgoing", "audit", "web", "idp", "ca", "admin", "operations")


@cache
def modules() -> dict[Path, ast.Module]:
    """Return every module of the houses and of the composition roots, by path from the project's root."""
    paths = [path for house in HOUSES for path in sorted((ROOT / house).rglob("*.py"))]
    paths += sorted(ROOT.glob("*.py"))
    return {path.relative_to(ROOT): ast.parse(path.read_text("utf-8"), str(path)) for path in paths}


@cache
def defined_tests() -> frozenset[str]:
    """Return the name of every test that there is."""
    return frozenset(
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^\s*def (test_\w+)\(", file.read_text("utf-8"), re.M)
    )


def imported_by(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted name of everything that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and dotted text of everything that a module calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)
