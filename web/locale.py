"""Language of a page: Spanish first, English and Kichwa beside it; each house brings its own catalog."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from babel import Locale
from flask import Flask, g, has_request_context, request, session
from flask_babel import Babel, get_babel, refresh

from web.local_address import local_path, this_page_again, this_path
from web.state import web_state

#: Language tag → the locale that formats numbers and dates. The order is that of the links in the footer.
LOCALES = {"es": "es_EC", "qu": "qu_EC", "en": "en"}
_NAMES = {"es": "Español", "qu": "Kichwa", "en": "English"}
_HTML_LANG = {"es": "es-EC", "qu": "qu", "en": "en"}
_SESSION_KEY = "lang"
# Ecuador's Kichwa is a Quechua language of its own code; browsers send either (ISO 639-3 qug, qvi, …).
_ALIASES = {"qug": "qu", "qvi": "qu", "qvo": "qu", "qxl": "qu", "quz": "qu", "spa": "es", "eng": "en"}


@dataclass(frozen=True)
class LanguageLink:
    """One entry of the footer's choice of languages."""

    language: str
    name: str
    href: str
    current: bool


def init_locale(app: Flask) -> None:
    """Choose a language for each request of ``app`` and offer the choice to templates."""
    Babel(app, default_locale=LOCALES["es"], default_timezone="America/Guayaquil", locale_selector=_select_locale)
    get_babel(app).translation_directories[:] = [str(Path(__file__).parent / "translations")]
    app.before_request(_remember_choice)
    app.jinja_env.globals.update(language_links=language_links, html_lang=html_lang, reading_language=current_language)


def add_translations(app: Flask, folder: Path | str) -> None:
    """Add a house's catalogs: ``folder`` holds ``en/LC_MESSAGES/messages.mo`` and so on. Call it from ``mount``."""
    directories = get_babel(app).translation_directories
    if str(folder) not in directories:
        directories.append(str(folder))


def speak_only(app: Flask, *, prefix: str, languages: Iterable[str]) -> None:
    """Show pages at and below ``prefix`` in ``languages`` alone, in Spanish to readers of another.

    For what is not translated into every language: half a page in each would be neither, and its ``lang`` a lie.
    """
    web_state(app).languages_below[prefix] = frozenset(languages)


def current_language() -> str:
    """Return the language tag of this request: ``es``, ``en`` or ``qu``."""
    chosen: str | None = g.get("language") if has_request_context() else None
    if chosen is None:
        chosen = _spoken(_choose()) if has_request_context() else "es"
        if has_request_context():
            g.language = chosen
    return chosen


def prefer_languages(tags: Iterable[str]) -> None:
    """Take the first known of ``tags`` (BCP 47) for this page, unless the reader has chosen by the footer.

    For the language of the person's account and for ``ui_locales`` (OpenID Connect Core §3.1.2.1).
    """
    if _chosen_by_reader() is not None:
        return
    for tag in tags:
        language = known_language(tag)
        if language:
            g.language = _spoken(language)
            refresh()
            return


def known_language(tag: str) -> str | None:
    """Return our language for a BCP 47 ``tag`` (``es-EC`` is ``es``), ``None`` for one that we do not speak."""
    primary = tag.strip().replace("_", "-").partition("-")[0].lower()
    primary = _ALIASES.get(primary, primary)
    return primary if primary in LOCALES else None


def html_lang() -> str:
    """Return the value of the page's ``lang`` attribute."""
    return _HTML_LANG[current_language()]


def language_links(languages: Iterable[str] = LOCALES) -> list[LanguageLink]:
    """Return links to this page in each of ``languages``, the other parameters of its address kept.

    A page that answered a POST links to what GET shows at the same address, or to the start when it shows nothing.
    """
    if request.method in ("GET", "HEAD"):
        path = local_path(this_path())
        kept = [pair for pair in parse_qsl(_query(), keep_blank_values=True) if pair[0] != "lang"]
    else:
        path, kept = this_page_again(), []
    here = current_language()
    return [
        LanguageLink(language, _NAMES[language], f"{path}?{urlencode([*kept, ('lang', language)])}", language == here)
        for language in languages
        if _spoken(language) == language
    ]


def _query() -> str:
    return request.query_string.decode("ascii", "replace")


def _remember_choice() -> None:
    language = known_language(request.args.get("lang", "")[:16])
    if language and session.get(_SESSION_KEY) != language:
        session[_SESSION_KEY] = language


def _chosen_by_reader() -> str | None:
    return known_language(request.args.get("lang", "")[:16]) or known_language(str(session.get(_SESSION_KEY, "")))


def _choose() -> str:
    chosen = _chosen_by_reader()
    if chosen:
        return chosen
    for tag, quality in request.accept_languages:
        language = known_language(tag) if quality > 0 else None
        if language:
            return language
    return "es"


def _spoken(language: str) -> str:
    for prefix, languages in web_state().languages_below.items():
        if request.path == prefix or request.path.startswith(f"{prefix}/"):
            return language if language in languages else "es"
    return language


def _select_locale() -> Locale:
    return Locale.parse(LOCALES[current_language()])
