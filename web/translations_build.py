"""Catalogs of translations: ``python -m web.translations_build`` after changing a text.

Texts are written in Spanish in templates and code. For each house (a top-level package with a ``translations`` folder
in it) this gathers them, brings ``LANGUAGE/LC_MESSAGES/messages.po`` up to date without losing a translation, and
compiles ``messages.mo``. Both are committed, so that a clone runs without a build step; a test fails when they are
stale or when an English text is missing. ``--check`` changes nothing and says what is wrong.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

#: Every text must be there in these languages; in the others what is missing is shown in Spanish.
COMPLETE = ("en",)
LANGUAGES = ("en", "qu")
_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2"), ("**/templates/**.txt", "jinja2")]
_OPTIONS = {"**/templates/**": {"silent": "false", "trimmed": "true"}}
_KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "_l": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
}
# Dates in the header would change with every run and conflict with every merge.
_FIXED = datetime(2026, 1, 1, tzinfo=UTC)
_HEADERS = {
    "en": "# English texts. The source language is Spanish.",
    "qu": "# Kichwa texts: DRAFT, not yet reviewed by a speaker. What is missing is shown in Spanish.",
}


@dataclass(frozen=True)
class House:
    """A package whose texts are gathered into one folder of catalogs."""

    source: Path
    translations: Path

    @property
    def name(self) -> str:
        """The package's name."""
        return self.source.name

    def po(self, language: str) -> Path:
        """The catalog that people edit."""
        return self.translations / language / "LC_MESSAGES" / "messages.po"


def houses(root: Path) -> list[House]:
    """Return the packages under ``root`` that have a ``translations`` folder, directly or in their ``web``."""
    found = [*root.glob("*/translations"), *root.glob("*/web/translations")]
    return sorted(
        (House(root / folder.relative_to(root).parts[0], folder) for folder in found if folder.is_dir()),
        key=lambda house: house.name,
    )


def gather(house: House) -> Catalog:
    """Return the texts in the code and templates of ``house``."""
    template = _new_catalog(None)
    for name, _line, message, _comments, context in extract_from_dir(
        house.source, _METHODS, _OPTIONS, keywords=_KEYWORDS
    ):
        template.add(message, None, [(f"{house.name}/{name}", 0)], context=context)
    return template


def updated(house: House, language: str, template: Catalog) -> Catalog:
    """Return the catalog of ``language`` brought up to date with ``template``; what nobody uses is dropped."""
    catalog = read(house, language)
    catalog.update(template, no_fuzzy_matching=True, update_header_comment=False, keep_user_comments=True)
    catalog.obsolete.clear()
    _fix_header(catalog, language)
    return catalog


def read(house: House, language: str) -> Catalog:
    """Return the catalog of ``language`` as it is committed, empty when there is none."""
    path = house.po(language)
    if not path.exists():
        return _new_catalog(language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def po_bytes(catalog: Catalog) -> bytes:
    """Return ``catalog`` as it is written, the same for the same texts."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, sort_output=True, include_lineno=False, width=110)
    return buffer.getvalue()


def mo_bytes(catalog: Catalog) -> bytes:
    """Return ``catalog`` compiled."""
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def missing(catalog: Catalog) -> list[str]:
    """Return the texts that have no translation in ``catalog``."""
    return [_key(message.id) for message in catalog if message.id and not _translated(message.string)]


def problems(house: House) -> Iterator[str]:
    """Yield what is wrong with the committed catalogs of ``house``."""
    template = gather(house)
    for language in LANGUAGES:
        catalog = updated(house, language, template)
        path = house.po(language)
        if language in COMPLETE:
            for text in missing(catalog):
                yield f"{house.name}: no {language} text for: {text}"
        if not path.exists() or path.read_bytes() != po_bytes(catalog):
            yield f"{path}: stale, run python -m web.translations_build {house.name}"
        elif not path.with_suffix(".mo").exists() or path.with_suffix(".mo").read_bytes() != mo_bytes(catalog):
            yield f"{path.with_suffix('.mo')}: stale, run python -m web.translations_build {house.name}"


def build(house: House) -> None:
    """Write the catalogs of ``house``."""
    template = gather(house)
    for language in LANGUAGES:
        catalog = updated(house, language, template)
        path = house.po(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(po_bytes(catalog))
        path.with_suffix(".mo").write_bytes(mo_bytes(catalog))
        absent = missing(catalog)
        click.echo(f"{house.name} {language}: {len(catalog) - len(absent)} of {len(catalog)}")


def _new_catalog(language: str | None) -> Catalog:
    catalog = Catalog(locale=language, domain="messages", project="sau", fuzzy=False, charset="utf-8")
    _fix_header(catalog, language)
    return catalog


def _fix_header(catalog: Catalog, language: str | None) -> None:
    catalog.header_comment = _HEADERS.get(language or "", "#")
    catalog.project, catalog.version = "sau", "1"
    catalog.creation_date = catalog.revision_date = _FIXED
    catalog.last_translator = catalog.language_team = catalog.msgid_bugs_address = ""
    catalog.fuzzy = False


def _translated(string: object) -> bool:
    return all(string) if isinstance(string, list | tuple) else bool(string)


def _key(message_id: object) -> str:
    return str(message_id[0]) if isinstance(message_id, list | tuple) else str(message_id)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--check", is_flag=True, help="Change nothing; say what is stale or missing.")
def main(names: tuple[str, ...], check: bool) -> None:
    """Bring the catalogs of NAMES (all houses by default) up to date."""
    root = Path(__file__).resolve().parent.parent
    chosen = [house for house in houses(root) if not names or house.name in names]
    if not check:
        for house in chosen:
            build(house)
        return
    found = [problem for house in chosen for problem in problems(house)]
    for problem in found:
        click.echo(problem, err=True)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
