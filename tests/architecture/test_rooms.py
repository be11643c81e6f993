"""Rooms: one reason to exist, a name of the domain, a size that one can read (architecture, "Rooms")."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture.source import ROOT, calls, modules

MOST_LINES = 400
# The second one asks how long a window of the rate limiter, which counts by the machine's clock, still lasts.
_CLOCK_READERS = {Path("kernel/clock.py"), Path("web/rate_limit.py")}
_EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "shared", "core", "stuff", "tools"}


def test_no_module_is_two() -> None:
    """One over 400 lines has two reasons to exist."""
    long = {str(path): len((ROOT / path).read_text("utf-8").splitlines()) for path in modules()}
    assert {path: lines for path, lines in long.items() if lines > MOST_LINES} == {}


def test_no_room_has_an_empty_name() -> None:
    """A name that says nothing collects everything."""
    offenders = [str(path) for path in modules() if _EMPTY_NAMES & {path.stem, *path.parts[:-1]}]
    assert offenders == []


def test_every_module_says_what_it_is_for() -> None:
    """A stranger finds where a rule lives."""
    assert [str(path) for path, tree in modules().items() if not ast.get_docstring(tree)] == []


def test_every_public_function_and_class_says_what_it_does() -> None:
    """What comes in and goes out, what is raised, the source."""
    missing = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in modules().items()
        for node in _public(tree)
        if not ast.get_docstring(node)
    ]
    assert missing == []


def _public(tree: ast.Module) -> list[ast.FunctionDef | ast.ClassDef]:
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if not _is_view(node)
    ]


def _is_view(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """A view's or command's route and help text say what it is."""
    return any("route" in ast.unparse(item) for item in node.decorator_list)


def test_only_the_clock_reads_the_clock() -> None:
    """Time is an input: ``now`` is passed in."""
    readers = ("datetime.now", "datetime.utcnow", "datetime.datetime.now", "time.time", "date.today")
    offenders = [
        f"{path}:{line} {name}"
        for path, tree in modules().items()
        if path not in _CLOCK_READERS
        for line, name in calls(tree)
        if name in readers
    ]
    assert offenders == []


def test_only_the_database_commits() -> None:
    """A use case takes the open session; who opened the transaction ends it."""
    offenders = [
        f"{path}:{line} {name}"
        for path, tree in modules().items()
        if path.parts[0] != "kernel"
        for line, name in calls(tree)
        if name.endswith("session.commit")
    ]
    assert offenders == []


def test_randomness_comes_from_the_system() -> None:
    """The ``random`` module can be predicted."""
    offenders = [
        f"{path}:{line} {name}"
        for path, tree in modules().items()
        for line, name in calls(tree)
        if name.startswith("random.") and not name.startswith("random.SystemRandom")
    ]
    assert offenders == []


def _without_our_scripts(text: str) -> str:
    return re.sub(r"<script src=.\{\{ static_url\(\S+\) \}\}. defer></script>", "", text)


#: Mailboxes keep only styles that stand in the elements; the others become paper.
_NO_PAGES = {
    "idp/notices/templates/mail.html",
    "idp/web/templates/idp/account/my_data_pdf.html",
    "idp/web/templates/idp/steps/card_print.html",
}


def test_screens_hold_no_inline_style_or_script() -> None:
    """The content security policy would refuse them, in silence."""
    offenders = [
        str(path.relative_to(ROOT))
        for path in ROOT.glob("*/**/templates/**/*.html")
        if path.parts[len(ROOT.parts)] not in (".venv", "var")
        if path.relative_to(ROOT).as_posix() not in _NO_PAGES
        for text in [_without_our_scripts(path.read_text("utf-8"))]
        if "<script" in text or " style=" in text or "<style" in text or " onclick=" in text or " onload=" in text
    ]
    assert offenders == []
