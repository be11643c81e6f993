"""The documents as a site: each page in a chapter, each link leads somewhere, nothing from elsewhere, for everybody."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts import site, site_check
from tests.documents.site import made_site, served
from tests.web.accessibility import violations


def test_each_page_stands_in_one_chapter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that was forgotten, named twice or taken away is told by its name."""
    there = [*site.documents(), "docs/forgotten.md"]
    monkeypatch.setattr(site, "documents", lambda: there)
    wrong = site.unplaced([{"es": "A", "en": "A", "pages": ["night.md", "night.md", "gone.md"]}])
    assert "forgotten.md: in no chapter of docs/site/navigation.yaml (es)" in wrong
    assert "gone.md: named in docs/site/navigation.yaml (en), not there" in wrong
    assert "night.md: in two chapters (es)" in wrong


def test_what_is_wrong_with_a_page_is_told(tmp_path: Path) -> None:
    """A link into nothing, a heading that is not there, and anything that a browser would fetch from another host."""
    (tmp_path / "a.html").write_text(
        '<h1 id="here">A</h1><a href="b.html">1</a><a href="#there">2</a><a href="#here">3</a><a href="https://x.example/">4</a>'
        '<script src="https://cdn.example/a.js"></script><link rel="stylesheet" href="//fonts.example/b.css">'
    )
    assert site_check.complaints(tmp_path) == [
        "a.html: #there names no heading",
        "a.html: asks another host for //fonts.example/b.css",
        "a.html: asks another host for https://cdn.example/a.js",
        "a.html: b.html leads nowhere",
    ]


@pytest.mark.browser
@pytest.mark.slow
def test_the_site_serves_everybody(browser: Browser, tmp_path: Path) -> None:
    """From a disk and from a server: both editions, search in both languages, dark, 320 pixels, axe finds nothing."""
    folder = made_site(tmp_path / "site")
    with (
        served(folder) as address,
        browser.new_context(locale="es-EC", viewport={"width": 1280, "height": 900}) as context,
    ):
        page, asked = context.new_page(), []
        page.set_default_timeout(60_000)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(folder.joinpath("index.html").as_uri())
        assert violations(page) == []
        page.click("#es")
        assert violations(page) == []
        _find(page, "contrasena", "contraseña")
        page.emulate_media(color_scheme="dark")  # what a reader's first page finds stays for the next ones
        page.goto(f"{address}/en/night.html")
        assert page.locator("html").get_attribute("lang") == "en"
        _find(page, "checkpoints", "checkpoint")
        page.goto(f"{address}/es/night.html")
        assert page.locator("article").get_attribute("lang") == "en"
        for path in ("es/index.html", "en/tutorials/en/pki.html"):
            page.goto(f"{address}/{path}")
            assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
            assert violations(page) == [], path
        page.set_viewport_size({"width": 320, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert [url for url in asked if not url.startswith((address, folder.as_uri()))] == []


def _find(page: Page, words: str, found: str) -> None:
    """Type into the search; a page with ``found`` is offered."""
    page.locator(".md-search__button").click()
    field = page.locator("dialog[open] [role=combobox]")
    offered = page.locator("[role=option]", has_text=found).first
    for _ in range(12):  # a field that the page empties while its search begins is filled in again, as a reader does
        field.fill("")
        field.press_sequentially(words)
        with suppress(AssertionError):
            expect(offered).to_be_visible(timeout=5_000)
            return
    expect(offered).to_be_visible()
