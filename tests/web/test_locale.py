"""Spanish first, English and Kichwa beside it, on any page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from web.locale import add_translations, current_language, known_language, prefer_languages
from web.translations_build import House, build, houses, problems

ROOT = Path(__file__).resolve().parents[2]


def page(client: FlaskClient, path: str = "/ayuda", accept: str = "") -> str:
    """The page at ``path`` for a browser that prefers ``accept``."""
    return client.get(path, headers={"Accept-Language": accept} if accept else {}).text


@pytest.mark.parametrize(
    ("accept", "lang", "word"),
    [
        ("", "es-EC", "Ayuda"),
        ("de-DE,de;q=0.9", "es-EC", "Ayuda"),
        ("en-US,en;q=0.9,es;q=0.1", "en", "Help"),
        ("qu-EC,qu;q=0.9", "qu", "Yanapay"),
        ("qug", "qu", "Yanapay"),
        ("es-419,en;q=0.5", "es-EC", "Ayuda"),
        ("en;q=0, es", "es-EC", "Ayuda"),
        ("'; DROP TABLE", "es-EC", "Ayuda"),
    ],
)
def test_the_browsers_languages_are_followed(client: FlaskClient, accept: str, lang: str, word: str) -> None:
    """RFC 9110 §12.5.4; the ``lang`` attribute says what the page speaks (WCAG 3.1.1)."""
    text = page(client, accept=accept)
    assert f'<html lang="{lang}">' in text
    assert f"<title>{word} · SAU</title>" in text


def test_a_choice_by_link_is_kept_for_the_next_pages(client: FlaskClient) -> None:
    """The choice is in the signed session and wins over the browser's languages."""
    page(client, "/ayuda?lang=en", accept="es")
    assert '<html lang="en">' in page(client, accept="es")
    page(client, "/ayuda?lang=qu")
    assert '<html lang="qu">' in page(client)
    page(client, "/ayuda?lang=../../etc")
    assert '<html lang="qu">' in page(client)


def test_a_kichwa_page_says_that_it_is_a_draft(client: FlaskClient) -> None:
    """Until a speaker has reviewed it (experience, "Everyone")."""
    assert "borrador" in page(client, "/ayuda?lang=qu")
    assert "borrador" not in page(client, "/ayuda?lang=es")


def test_the_persons_language_wins_over_the_browser_but_not_over_the_link(app: Flask) -> None:
    """OpenID Connect Core §3.1.2.1 ``ui_locales``: first known wins; the reader's own choice stays."""
    with app.test_request_context("/", headers={"Accept-Language": "es"}):
        prefer_languages(["de", "qu-EC", "en"])
        assert current_language() == "qu"
    with app.test_request_context("/?lang=en"):
        prefer_languages(["qu"])
        assert current_language() == "en"
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        prefer_languages(["xx"])
        assert current_language() == "en"


def test_a_preference_stated_after_a_text_was_read_still_changes_the_page(app: Flask) -> None:
    """flask-babel caches the locale of a request; the cache must not win."""
    from flask_babel import gettext

    with app.test_request_context("/"):
        assert gettext("Ayuda") == "Ayuda"
        prefer_languages(["en"])
        assert gettext("Ayuda") == "Help"


def test_language_links_keep_the_other_parameters_of_the_address(client: FlaskClient) -> None:
    """A request in progress must survive the change of language, escaped as it came."""
    text = page(client, '/ayuda?client_id=a%26b&state="><script>&lang=qu&empty=')
    links = re.findall(r'href="(/ayuda\?[^"]*)" lang="en"', text)
    assert links == ["/ayuda?client_id=a%26b&amp;state=%22%3E%3Cscript%3E&amp;empty=&amp;lang=en"]


@pytest.mark.parametrize("path", ["//evil.example", "/%5Cevil.example", "///evil.example/x"])
def test_language_links_never_leave_the_service(client: FlaskClient, path: str) -> None:
    """attacks and faults, 9: ``//evil``, ``/\\evil`` stay local."""
    text = client.get(path).text or client.get(path, follow_redirects=True).text
    links = re.findall(r'href="([^"]*)" lang=', text)
    assert links
    for href in links:
        assert re.match(r"/[^/\\]|/\?", href), href


def test_the_links_of_a_page_that_answered_a_post_lead_to_a_page(client: FlaskClient) -> None:
    """A reload as GET of a POST-only address would be 405."""
    assert 'href="/?lang=en"' in client.post("/only-post").text
    assert 'href="/form?lang=en"' in client.post("/form").text


def test_a_house_brings_its_own_catalog(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    """Texts of several houses live side by side."""
    source = tmp_path / "house"
    folder = source / "web" / "translations"
    folder.mkdir(parents=True)
    (source / "texts.py").write_text('_("Puerta")\n')
    house = House(source, folder)
    build(house)
    po = house.po("en")
    po.write_text(po.read_text().replace('msgid "Puerta"\nmsgstr ""', 'msgid "Puerta"\nmsgstr "Door"'))
    build(house)
    add_translations(app, folder)
    app.add_url_rule(
        "/door", view_func=lambda: app.jinja_env.from_string("{{ _('Puerta') }} {{ _('Ayuda') }}").render()
    )
    assert page(client, "/door?lang=en") == "Door Help"
    assert list(problems(house)) == []
    (source / "texts.py").write_text('_("Puerta")\n_("Ventana")\n')
    assert any("Ventana" in problem for problem in problems(house))


@pytest.mark.parametrize("house", houses(ROOT), ids=lambda house: house.name)
def test_catalogs_are_fresh_and_english_is_complete(house: House) -> None:
    """After changing a text: ``python -m web.translations_build HOUSE``, then fill in ``msgstr`` and run it again."""
    assert list(problems(house)) == []


@pytest.mark.parametrize(
    ("tag", "language"), [("ES-ec", "es"), ("en_GB", "en"), ("qug-EC", "qu"), ("fr", None), ("", None), ("e", None)]
)
def test_knows_a_tag_by_its_primary_language(tag: str, language: str | None) -> None:
    """BCP 47 §2.2.1; Ecuador's Kichwa has codes of its own."""
    assert known_language(tag) == language
