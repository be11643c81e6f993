"""The documents as a site, in two editions (Spanish and English) of the same pages; strict, and nothing from elsewhere.

usage: .venv/bin/python scripts/site.py [--into FOLDER]      (`make site`)

Each edition is built by Zensical from a copy of ``docs/`` in which links are set for the site. What it then does not
do is done here: the language of each article, the search from a disk, and a look at every link and every request.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.site_check import complaints  # noqa: E402
from scripts.site_finish import finish  # noqa: E402

DOCS = ROOT / "docs"
NAVIGATION = DOCS / "site" / "navigation.yaml"
LANGUAGES = ("es", "en")
# Front pages: by edition, which document opens it.
FRONTS = {"es": "LEAME.md", "en": "README.md"}
NAMES = {"es": "SAU: documentación", "en": "SAU: documentation"}
# Documents beside docs/, and where they stand in the site.
BESIDE = {
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "CHANGELOG.md": "project/changelog.md",
    "LICENSE": "project/LICENSE.txt",
}
# What the site in a folder was made from, so that it is not made twice.
MARK = "made-from.txt"
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_FENCE = re.compile(r"(^```.*?^```$)", re.M | re.S)


class SiteError(Exception):
    """The site is not fit to be shown; the message says why, a line each."""


def main() -> int:
    """Build the site; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "site", help="folder of the site")
    into = parser.parse_args().into
    if is_current(into):
        print(f"Nothing changed: the site is in {into}.")
        return 0
    try:
        build(into)
    except (SiteError, LookupError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The site is in {into}: open index.html, or serve the folder.")
    return 0


def build(into: Path) -> None:
    """Make the folder ``into`` anew, with both editions and a page that lets choose.

    :raises SiteError: a link leads nowhere, a page stands in no chapter, something would be asked of another host.
    """
    navigation = yaml.safe_load(NAVIGATION.read_text("utf-8"))
    if wrong := unplaced(navigation):
        raise SiteError("\n".join(wrong))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as both:
        list(both.map(lambda language: edition(language, navigation, Path(folder) / language), LANGUAGES))
        for language in LANGUAGES:
            finish(Path(folder) / language / "site", language, english=_is_english)
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        for language in LANGUAGES:
            shutil.move(Path(folder) / language / "site", into / language)
    shutil.copy(DOCS / "site" / "index.html", into / "index.html")
    if wrong := complaints(into):
        raise SiteError("\n".join(wrong))
    (into / MARK).write_text(_made_from())


def is_current(into: Path) -> bool:
    """Tell whether the site in ``into`` was made from the documents of today, by the scripts of today."""
    mark = into / MARK
    return mark.exists() and mark.read_text() == _made_from()


def _made_from() -> str:
    digest = hashlib.sha256(importlib.metadata.version("zensical").encode())
    beside = [ROOT / name for name in BESIDE] + sorted((ROOT / "scripts").glob("site*.py"))
    for file in sorted(file for file in DOCS.rglob("*") if file.is_file()) + beside:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def edition(language: str, navigation: list[dict[str, Any]], folder: Path) -> None:
    """Build one edition into ``folder/site``.

    :raises SiteError: the generator complains.
    """
    source = folder / "source"
    for page, text in staged(language).items():
        (source / page).parent.mkdir(parents=True, exist_ok=True)
        (source / page).write_text(text, "utf-8")
    shutil.copytree(DOCS / "images", source / "images")
    shutil.copy(ROOT / "LICENSE", source / "project" / "LICENSE.txt")
    for asset in ("site.css", "worker-from-disk.js", "icon.svg"):
        (source / "assets").mkdir(exist_ok=True)
        shutil.copy(DOCS / "site" / asset, source / "assets" / asset)
    (folder / "zensical.yml").write_text(yaml.safe_dump(_settings(language, navigation), allow_unicode=True), "utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "-f", "zensical.yml"]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True)
    if done.returncode:
        raise SiteError(done.stdout + done.stderr.partition("Traceback")[0])


def staged(language: str) -> dict[str, str]:
    """Return every page of an edition by its place in it, with its links set for it."""
    places = {page: _place(page, language) for page in documents()}
    return {place: _with_links(page, places) for page, place in places.items() if page.endswith(".md")}


def documents() -> list[str]:
    """Return what the site shows, as paths from the project's root."""
    return sorted([file.relative_to(ROOT).as_posix() for file in DOCS.rglob("*.md")] + list(BESIDE))


def _place(page: str, language: str) -> str:
    if page in BESIDE:
        return BESIDE[page]
    inner = page.removeprefix("docs/")
    for other, front in FRONTS.items():
        if inner == front:
            return "index.md" if other == language else f"index-{other}.md"
    return inner


def _with_links(page: str, places: dict[str, str]) -> str:
    """Return the text of a page, its links to other documents set to where these stand in the edition."""
    here = posixpath.dirname(places[page])

    def set_link(found: re.Match[str]) -> str:
        target, hash_, anchor = found[2].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return found[0]
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        place = places.get(meant, meant.removeprefix("docs/"))
        return f"{found[1]}{posixpath.relpath(place, here or '.')}{hash_}{anchor}{found[3]}"

    parts = _FENCE.split((ROOT / page).read_text("utf-8"))
    return "".join(part if index % 2 else _LINK.sub(set_link, part) for index, part in enumerate(parts))


def _settings(language: str, navigation: list[dict[str, Any]]) -> dict[str, Any]:
    schemes = {"(prefers-color-scheme: light)": "default", "(prefers-color-scheme: dark)": "slate"}
    words = {"es": ("Usar colores oscuros", "Usar colores claros"), "en": ("Use dark colours", "Use light colours")}
    icons = ("lucide/moon", "lucide/sun")
    return {
        "site_name": NAMES[language],
        "docs_dir": "source",
        "site_dir": "site",
        "use_directory_urls": False,  # files that a disk shows as they are
        "nav": list(_chapters(language, navigation)),
        "theme": {
            "name": "material",
            "language": language,
            "font": False,  # the system's own
            "favicon": "assets/icon.svg",
            "logo": "assets/icon.svg",
            "features": ["navigation.sections", "navigation.indexes", "navigation.top", "search.highlight"],
            "palette": [
                {"media": media, "scheme": scheme, "toggle": {"icon": icon, "name": word}}
                for (media, scheme), icon, word in zip(schemes.items(), icons, words[language], strict=True)
            ],
        },
        "plugins": ["search", "offline"],
        "extra": {
            "generator": False,
            "alternate": [
                {"name": "Español", "link": "../es/index.html", "lang": "es"},
                {"name": "English", "link": "../en/index.html", "lang": "en"},
            ],
        },
        "extra_css": ["assets/site.css"],
        "markdown_extensions": [
            {"toc": {"permalink": True, "slugify": {"object": "pymdownx.slugs.slugify", "kwds": {"case": "lower"}}}},
            "tables",
            "admonition",
            "attr_list",
            "md_in_html",
            "pymdownx.superfences",
            "pymdownx.highlight",
        ],
    }


def _chapters(language: str, entries: list[Any]) -> Iterator[Any]:
    """Yield the navigation as the generator wants it: a chapter's words in the edition's language, then its pages."""
    for entry in entries:
        if isinstance(entry, str):
            for page in _meant(entry):
                yield _place(page, language)
        elif "only" in entry:
            if entry["only"] == language:
                yield {entry[language]: list(_chapters(language, entry["pages"]))}
        else:
            yield {entry[language]: list(_chapters(language, entry["pages"]))}


def _meant(entry: str) -> list[str]:
    """Return the documents that a line of the navigation means, as paths from the project's root."""
    if "*" in entry:
        return [file.relative_to(ROOT).as_posix() for file in sorted(DOCS.glob(entry))]
    beside = entry.removeprefix("/")  # docs/ has a README.md, too
    return [beside if beside != entry or (entry in BESIDE and entry not in FRONTS.values()) else f"docs/{entry}"]


def unplaced(navigation: list[Any]) -> list[str]:
    """Return complaints about documents that stand in no chapter, in two, or are not there."""
    wrong = []
    for language in LANGUAGES:
        named = list(_leaves(list(_chapters(language, navigation))))
        there = [_place(page, language) for page in documents() if page.endswith(".md")]
        wrong += [
            f"{page}: in no chapter of docs/site/navigation.yaml ({language})" for page in set(there) - set(named)
        ]
        wrong += [
            f"{page}: named in docs/site/navigation.yaml ({language}), not there" for page in set(named) - set(there)
        ]
        wrong += [f"{page}: in two chapters ({language})" for page in set(named) if named.count(page) > 1]
    return sorted(wrong)


def _leaves(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for pages in entry.values():
                yield from _leaves(pages)


def _is_english(page: str, language: str) -> bool:
    """Tell whether a built page (its path in the edition) is in English; all others are in Spanish."""
    if page.startswith("index"):
        return (page == "index.html") == (language == "en")
    return not page.startswith("tutorials/es/")


if __name__ == "__main__":
    sys.exit(main())
