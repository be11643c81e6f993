"""Kichwa where people must not guess: sign-in, recovery, consent, errors, messages (experience, "Everyone")."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from web.locale import speak_only
from web.translations_build import houses, read

ROOT = Path(__file__).resolve().parents[2]
HOUSES = {house.name: house for house in houses(ROOT)}
#: Files whose texts must all be there; a folder stands for what is in it.
COMPLETE = (
    "idp/web/login",
    "idp/web/second_factor",
    "idp/web/recovery",
    "idp/web/signup",
    "idp/web/certificate_login",
    "idp/web/consent",
    "idp/web/messages.py",
    "idp/web/protocol.py",
    "idp/web/refused_steps.py",
    "idp/web/templates/idp/_parts.html",
    "idp/web/templates/idp/certificate_confirm.html",
    "idp/web/templates/idp/consent.html",
    "idp/web/templates/idp/device_",
    "idp/web/templates/idp/enroll_",
    "idp/web/templates/idp/factors/",
    "idp/web/templates/idp/log",
    "idp/web/templates/idp/recovery_",
    "idp/web/templates/idp/second_factor",
    "idp/web/templates/idp/select_account.html",
    "idp/web/templates/idp/signup_",
    "web/error_pages.py",
    "web/error_texts.py",
    "web/templates/components.html",
    "web/templates/layout/citizen.html",
    "web/templates/layout/page.html",
    "web/templates/web/error.html",
    "web/templates/web/privacy.html",
    "web/templates/web/accessibility.html",
    "web/templates/web/start.html",
)
# One word for one thing; see docs/kichwa.md.
_OTHER_WORDS = re.compile(
    r"pakashka shimi|\bkampak\b|\bkanpak?\b|\bkikinpa\b|punlla|\bashka\b|chiniku|direccionka", re.I
)


@pytest.mark.parametrize("name", ["idp", "web"])
def test_what_people_must_understand_is_there_in_kichwa(name: str) -> None:
    """A text that is missing would be shown in Spanish on a page that says that it is Kichwa."""
    missing = [
        (message.id, place)
        for message in read(HOUSES[name], "qu")
        if message.id and not (all(message.string) if isinstance(message.string, tuple) else message.string)
        for place, _ in message.locations[:1]
        if any(each.startswith(COMPLETE) for each, _ in message.locations)
    ]
    assert missing == []


@pytest.mark.parametrize("name", ["idp", "web"])
def test_the_same_thing_has_the_same_name(name: str) -> None:
    """The glossary of docs/kichwa.md; and what is to be filled in is the same as in Spanish."""
    for message in read(HOUSES[name], "qu"):
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        asked = message.id if isinstance(message.id, tuple) else (message.id,)
        for text in filter(None, texts):
            assert not _OTHER_WORDS.search(str(text)), text
            if message.id:
                assert _places(str(text)) == _places(str(asked[-1])), text


def test_messages_use_the_same_words() -> None:
    """Mails and short messages, too."""
    found = [*ROOT.glob("idp/notices/*templates/*.qu.txt")]
    assert found
    assert [str(path) for path in found if _OTHER_WORDS.search(path.read_text("utf-8"))] == []


def test_a_house_without_kichwa_is_shown_whole_in_spanish(app: Flask, client: FlaskClient) -> None:
    """Not half a page of each; ``lang`` says what the page speaks (WCAG 3.1.1); the choice is kept for other pages."""
    speak_only(app, prefix="/privacidad", languages=("es", "en"))
    page = client.get("/privacidad?lang=qu").text
    assert '<html lang="es-EC">' in page and "Privacidad" in page
    assert "lang=qu" not in page, "what is not there is not offered"
    assert '<html lang="en">' in client.get("/privacidad?lang=en").text
    client.get("/privacidad?lang=qu")
    assert '<html lang="qu">' in client.get("/ayuda").text


def _places(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[sd]", text))
