"""The tutorials: the same in both languages, every picture taken by ``make screenshots``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scripts.tutorial_pictures import ROLES
from tests.architecture.source import ROOT

_FOLDER = ROOT / "docs" / "tutorials"
_PICTURES = ROOT / "docs" / "images" / "tutorials"
_PAIRS = (
    ("ciudadania", "citizen"),
    ("desarrollo", "developer"),
    ("pki", "pki"),
    ("auditoria", "auditor"),
    ("operacion", "operator"),
    ("institucion", "institution"),
)


def _text(language: str, name: str) -> str:
    return (_FOLDER / language / f"{name}.md").read_text("utf-8")


def _blocks(text: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)


def _pictures(text: str) -> list[str]:
    return re.findall(r"!\[[^\]]+\]\(\.\./\.\./images/tutorials/([\w-]+)\.webp\)", text)


def commands() -> Iterator[str]:
    """Yield what follows ``sau`` in each command of each tutorial, in order: ``test_night.py`` runs them."""
    for name, _ in _PAIRS:
        for block in _blocks(_text("es", name)):
            for line in block.replace("\\\n", " ").splitlines():
                if found := re.match(r"(?:SAU_HOME=\S+ )?sau (.+)$", line):
                    yield " ".join(found[1].split())


def test_each_tutorial_is_there_in_both_languages() -> None:
    """The same steps: commands, files and pictures in the same order; only words between quotes are of the language."""
    assert {file.stem for file in (_FOLDER / "es").iterdir()} == {spanish for spanish, _ in _PAIRS}
    assert {file.stem for file in (_FOLDER / "en").iterdir()} == {english for _, english in _PAIRS}
    for spanish, english in _PAIRS:
        pair = _text("es", spanish), _text("en", english)
        blocks = [[re.sub(r'--key "[^"]+"', "--key KEY", block) for block in _blocks(text)] for text in pair]
        assert blocks[0] == blocks[1], spanish
        assert _pictures(pair[0]) == _pictures(pair[1]), spanish
        assert pair[0].count("\n## ") == pair[1].count("\n## "), spanish


def test_every_picture_is_taken_by_the_machinery() -> None:
    """What a tutorial shows comes from a way that was gone in a browser; no picture is unused; all of it is small."""
    taken = re.findall(r'\.take\(\w+, "([\w-]+)"', (ROOT / "scripts" / "tutorial_pictures.py").read_text("utf-8"))
    shown = [name for pair in _PAIRS for name in _pictures(_text("es", pair[0]))]
    assert sorted(taken) == sorted(shown)
    assert {file.stem for file in _PICTURES.iterdir()} == set(shown)
    assert sum(file.stat().st_size for file in _PICTURES.iterdir()) < 2_500_000


def test_the_roles_of_the_tutorial_are_those_of_its_pictures() -> None:
    """Whoever types the file sees what the pictures show."""
    assert ROLES in _blocks(_text("es", "institucion"))
