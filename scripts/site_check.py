"""What is looked at in the site when it is made: every link leads somewhere, and nothing is asked of another host."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself: tag -> attributes.
_FETCHED = {"script": ("src",), "img": ("src", "srcset"), "iframe": ("src",), "source": ("src", "srcset")}
_FETCHED_LINKS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "manifest"}


_TAG = re.compile(r"<(a|link|script|img|iframe|source)\b([^>]*)>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_ID = re.compile(r'\sid="([^"]*)"')
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")


@dataclass(frozen=True)
class _Page:
    """What a page names: its own headings, where its links lead, what a browser fetches for it."""

    ids: set[str]
    links: set[str]
    fetched: set[str]


def complaints(folder: Path) -> list[str]:
    """Return what is wrong with the site in ``folder``, a line each."""
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*")}
    pages = {name: _read(folder / name) for name in there if name.endswith(".html")}
    return sorted(line for name, page in pages.items() for line in _of_page(name, page, pages, there))


def _of_page(name: str, page: _Page, pages: dict[str, _Page], there: set[str]) -> Iterator[str]:
    for address in page.fetched:
        if address.startswith("//") or urlsplit(address).scheme not in ("", "data"):
            yield f"{name}: asks another host for {address}"
    if name.endswith("404.html"):
        return  # shown at any depth: a server's own matter
    for address in page.links | page.fetched:
        path, _, fragment = address.partition("#")
        if path.startswith("//") or _SCHEME.match(path):
            continue
        place = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path))) if path else name
        place = place if place in pages or place + "/index.html" not in pages else place + "/index.html"
        if place not in there:
            yield f"{name}: {address} leads nowhere"
        elif fragment and place in pages and unquote(fragment) not in pages[place].ids:
            yield f"{name}: {address} names no heading"


def _read(file: Path) -> _Page:
    """Read the tags that matter. By patterns: pages are many, and the generator quotes every attribute."""
    text = file.read_text("utf-8")
    page = _Page({unescape(name) for name in _ID.findall(text)}, set(), set())
    for tag, rest in _TAG.findall(text):
        given = {name: unescape(value) for name, value in _ATTRIBUTE.findall(rest)}
        if tag == "a" and "href" in given:
            page.links.add(given["href"])
        if tag == "link" and _FETCHED_LINKS & set(given.get("rel", "").split()):
            page.fetched.add(given.get("href", ""))
        page.fetched.update(given[name] for name in _FETCHED.get(tag, ()) if name in given)
    return page
