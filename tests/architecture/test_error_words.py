"""Every way in which something fails has words: what happened, what to do now, in each language of its readers."""

from __future__ import annotations

import re

import pytest

from scripts.errors_reference import REGISTERED, ROOT, raised, translated
from web.error_texts import FAMILIES, STATUSES

#: What a page may be asked for that no view of ours answers, and what a proxy or a browser makes of it.
EXPECTED_STATUSES = {400, 403, 404, 405, 413, 414, 415, 421, 429, 431, 500, 503}


def test_every_status_has_a_page() -> None:
    """Nobody reads "Method Not Allowed" (experience, "Everyone")."""
    assert set(STATUSES) >= EXPECTED_STATUSES
    for text in [*STATUSES.values(), *(family.text for family in FAMILIES.values())]:
        assert text.title and text.happened and text.to_do
        for language in ("en", "qu"):
            for part in (text.title, text.happened, text.to_do):
                assert translated("web", language, part) != str(part), (language, str(part))


@pytest.mark.parametrize("code", sorted(REGISTERED))
def test_words_of_its_own_are_translated(code: str) -> None:
    """English everywhere; Kichwa for what citizens meet is held by tests/web/test_kichwa.py."""
    house, text = REGISTERED[code]
    assert text.happened, code
    for part in filter(str, (text.title, text.happened, text.to_do)):
        assert translated(house, "en", part) != str(part), str(part)


def test_every_code_that_is_raised_says_what_it_means() -> None:
    """In words of its own, or in the sentence that is raised with it: the dictionary has no empty line."""
    silent = [
        code
        for code, entry in raised().items()
        if code not in REGISTERED and not entry.details and entry.families != {"Fault"}
    ]
    assert sorted(silent) == []


def test_words_are_for_codes_that_there_are() -> None:
    """A code that nothing raises any more has no page."""
    files = [path for house in ("web", "idp", "ca", "admin") for path in (ROOT / house).rglob("*.py")]
    written = [
        word
        for path in files
        if path.name not in ("error_texts.py", "error_words.py", "messages.py", "institution_messages.py")
        for word in re.findall(r'"([a-z_]+)"', path.read_text("utf-8"))
    ]
    assert sorted(set(REGISTERED) - set(written) - set(raised())) == []


def test_the_proxys_own_pages_speak_to_everyone() -> None:
    """When the service does not answer, nginx does: three languages, what to do, the moment to quote."""
    text = (ROOT / "deploy/nginx/sau.conf").read_text("utf-8")
    pages = re.findall(r"return (?:429|503) '(<!doctype.*?)';", text)
    assert len(pages) >= 4
    for page in pages:
        assert 'lang="es"' in page and 'lang="qu"' in page and 'lang="en"' in page
        assert "$time_iso8601" in page and "<h1>" in page and "viewport" in page
        assert "<script" not in page and "http" not in page
        assert len(page) < 2_000
