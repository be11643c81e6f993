"""What is done to the pages of the site after they were made: languages, and the search."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

# The generator's search runs in a worker, which browsers refuse to pages from a disk. It would fetch a remedy from
# another host; ours comes along (docs/site/worker-from-disk.js).
_REMEDY = re.compile(r'<script src="https://[^"]*iframe-worker[^"]*"[^>]*></script>')
# Accents are parted from their letters, but kept: who types «contrasena» finds no «contraseña». Without them the
# places of the marks are right, too.
_FOLDED, _UNACCENTED = (
    '.normalize("NFKD").toLowerCase()',
    '.normalize("NFKD").replace(/[\\u0300-\\u036f]/g,"").toLowerCase()',
)

# The search's own words are English in every edition.
_SPANISH = {
    'placeholder:"Search"': 'placeholder:"Buscar"',
    '"aria-label":"Search"': '"aria-label":"Buscar"',
    '"aria-label":"Search results"': '"aria-label":"Resultados"',
    '"result":"results"': '"resultado":"resultados"',
    '"aria-label":"Close search"': '"aria-label":"Cerrar la búsqueda"',
    '"No results"': '"Sin resultados"',
    'Intl.NumberFormat("en-US")': 'Intl.NumberFormat("es-EC")',
}


def finish(folder: Path, language: str, *, english: Callable[[str, str], bool]) -> None:
    """Finish an edition in its folder.

    :param english: tells of a page's path, and the edition's language, whether the page is in English.
    :raises LookupError: the generator's files are not what they were: its new release is to be looked at.
    """
    for file in folder.rglob("*.html"):
        page = file.relative_to(folder).as_posix()
        text = file.read_text("utf-8")
        up = "../" * page.count("/")
        text, replaced = _REMEDY.subn(f'<script src="{up}assets/worker-from-disk.js"></script>', text)
        if not replaced:
            raise LookupError(f"{page}: no script for the search from a disk")
        of_page = "en" if english(page, language) else "es"
        if of_page != language and page != "404.html":
            text, marked = re.subn(r"<article\b", f'<article lang="{of_page}"', text, count=1)
            if not marked:
                raise LookupError(f"{page}: no article to say the language of")
        file.write_text(text, "utf-8")
    scripts = folder / "assets" / "javascripts"
    for worker in (scripts / "workers").glob("search.*.js"):
        _replace(worker, {_FOLDED: _UNACCENTED})
    for bundle in scripts.glob("bundle.*.js"):
        _replace(bundle, _SPANISH if language == "es" else {})


def _replace(file: Path, words: dict[str, str]) -> None:
    text = file.read_text("utf-8")
    for old, new in words.items():
        if old not in text:
            raise LookupError(f"{file.name}: no {old}")
        text = text.replace(old, new)
    file.write_text(text, "utf-8")
