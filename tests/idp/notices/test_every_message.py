"""Every message to people, in every language and with every kind of value: whole, the same in both forms, safe."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from jinja2 import meta

from idp.notices.catalogue import Message, describe, find_message, list_messages, sample_values, source_of
from idp.notices.commands import notices_commands
from idp.notices.gsm import PLACES, places_of
from idp.notices.html import html_of
from idp.notices.sms_texts import compose_sms
from idp.notices.structure import blocks
from idp.notices.texts import TEMPLATES, Text, compose
from kernel.errors import NotFound
from tests.architecture.source import ROOT, modules

ISSUER = "https://sau.ejemplo.test"
NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
MESSAGES = list_messages()
MAILS = [message for message in MESSAGES if message.channel == "mail"]
SHORT = [message for message in MESSAGES if message.channel == "sms"]
# Known to the composer; everything else must have sample values.
_GIVEN = {"issuer", "when"}
_HOW = "begin the file with a comment: {#- newline, when: …, NAME: sample | other sample, newline -#}"


class _Seen(HTMLParser):
    """The words, the links and the elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.elements: set[str] = set()
        self.attributes: dict[str, str | None] = {}
        self._head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self._head = self._head or tag == "head"
        self.attributes.update({f"{tag}.{name}": value for name, value in attrs})
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "background", "action")]

    def handle_endtag(self, tag: str) -> None:
        self._head = self._head and tag != "head"

    def handle_data(self, data: str) -> None:
        if not self._head:
            self.words += data.split()


def _ids(message: Message) -> str:
    return f"{message.channel}-{message.name}"


def test_there_is_a_message_for_every_name_that_the_code_sends() -> None:
    """A name that is sent and has no text would be found by the first person who should get it."""
    sent = set()
    for path in modules():
        sent.update(re.findall(r'\btemplate="([a-z_]+)"', (ROOT / path).read_text("utf-8")))
    assert sent - {message.name for message in MESSAGES} == set()
    assert len(MAILS) >= 11


@pytest.mark.parametrize("message", MESSAGES, ids=_ids)
def test_a_message_says_when_it_is_sent_and_has_a_text_in_every_language(message: Message) -> None:
    """Spanish and English at least, each with sample values for each name that it uses."""
    assert {"es", "en"} <= set(message.languages), f"{message.name}: a text is missing"
    for language in message.languages:
        description = describe(message, language)
        assert description.when, _HOW
        used = meta.find_undeclared_variables(TEMPLATES.parse(source_of(message, language)))
        assert used - _GIVEN <= set(description.samples), (message.name, language, _HOW)


@pytest.mark.parametrize("message", MAILS, ids=_ids)
def test_both_forms_of_a_mail_say_the_same_and_nothing_is_left_open(message: Message) -> None:
    """Same words in the same order, same addresses, each ours; no placeholder; not long; nothing that calls home."""
    for language in message.languages:
        for values in sample_values(message, language):
            text = compose(message.name, locale=language, context={**values, "issuer": ISSUER}, now=NOW)
            html = html_of(text, issuer=ISSUER)
            seen = _Seen()
            seen.feed(html)
            assert text.language == language
            assert text.subject == text.subject.strip() != ""
            assert len(text.subject) <= 78, text.subject
            assert "{" not in text.body + text.subject and "None" not in text.body
            assert re.search(r"\n{4}", text.body) is None, "a branch leaves a hole"
            assert _letters(seen.words) == _letters(["SAU", *text.subject.split(), *text.body.split()])
            assert set(seen.links) == set(re.findall(r"https?://[^\s»”]+[^\s.,;:)»”]", text.body))
            assert all(link == ISSUER or link.startswith(f"{ISSUER}/") for link in seen.links)
            assert seen.elements.isdisjoint({"img", "script", "link", "iframe", "form", "object", "video"})
            assert "url(" not in html and "@import" not in html
            assert seen.attributes["html.lang"] == {"es": "es-EC"}.get(language, language)
            assert "SAU · " in text.body, "who writes"
            assert len(html.encode()) < 12_000
            assert "code" not in values or values["code"] not in text.subject


def _letters(words: list[str]) -> str:
    """All of a text but what a form may set its own way: spaces, and the colon between a fact's name and value."""
    return "".join(words).replace(":", "")


@pytest.mark.parametrize("message", [each for each in MAILS if each.has_code], ids=_ids)
def test_a_security_code_comes_without_any_address(message: Message) -> None:
    """Who learns to press on links in mails with codes will press on those of others."""
    for language in message.languages:
        for values in sample_values(message, language):
            text = compose(message.name, locale=language, context={**values, "issuer": ISSUER}, now=NOW)
            assert "://" not in text.body and "www." not in text.body
            codes = [block for block in blocks(text.body, issuer=ISSUER) if block.kind == "code"]
            assert [block.lines[0][0].text for block in codes] == [values["code"]]


def test_a_short_message_fits_into_one() -> None:
    """160 characters of the GSM alphabet, no address (experience, "Citizen")."""
    for message, language in [(each, language) for each in SHORT for language in each.languages]:
        for values in sample_values(message, language):
            text = compose_sms(message.name, locale=language, context=values, now=NOW)
            assert places_of(text) <= PLACES, text
            assert "://" not in text and "www." not in text, text
            assert "{" not in text and "\n" not in text, text
            assert "SAU" in text, "who writes"


@pytest.mark.parametrize("message", MESSAGES, ids=_ids)
def test_values_cannot_forge_a_header_an_element_or_an_address(message: Message) -> None:
    """Names, devices and services' names come from outside."""
    evil = 'x\r\nBcc: a@b.test\n\n    http://evil.test "><img src=x onerror=1> https://evil.test/'
    for language in message.languages:
        values = {name: evil for name in describe(message, language).samples if name not in ("link", "code")}
        given = {**next(iter(sample_values(message, language))), **values}
        if message.channel == "sms":
            continue  # one line of a small alphabet, and too long a value is refused
        text = compose(message.name, locale=language, context={**given, "issuer": ISSUER}, now=NOW)
        assert "\n" not in text.subject and "\r" not in text.subject
        assert "\nBcc" not in text.body and "://evil" not in text.subject + text.body
        seen = _Seen()
        seen.feed(html_of(text, issuer=ISSUER))
        assert "img" not in seen.elements
        assert all(link == ISSUER or link.startswith(f"{ISSUER}/") for link in seen.links)


def test_an_address_that_only_begins_like_ours_is_no_link() -> None:
    """https://sau.ejemplo.test.evil.test is somebody else's."""
    text = Text("Aviso", f"Vea {ISSUER}.evil.test/x y {ISSUER}/account.\n\n    {ISSUER}@evil.test/\n", "es")
    seen = _Seen()
    seen.feed(html_of(text, issuer=ISSUER))
    assert seen.links == [f"{ISSUER}/account"]


def test_what_stands_indented_is_shown_as_what_it_is() -> None:
    """A code to type, an address to open, facts in a table, lines as they are."""
    facts = "    Equipo: uno: dos\n    Red: tres"
    body = f"Hola:\n\n    123 456\n\n    {ISSUER}/a\n\n{facts}\n\n    a\n    b\n\nSAU · x\n{ISSUER}\n"
    kinds = [block.kind for block in blocks(body, issuer=ISSUER)]
    assert kinds == ["paragraph", "code", "action", "facts", "quote", "signature"]
    assert [piece.text for piece in blocks(body, issuer=ISSUER)[3].lines[0]] == ["Equipo", "uno: dos"]


def test_the_preview_of_the_command_line(tmp_path: Path, composition: object) -> None:
    """``sau notices``: what there is, a message as text, as HTML in a file, as JSON."""
    commands = notices_commands(lambda: composition.idp)  # type: ignore[attr-defined]
    runner = CliRunner()
    listed = json.loads(runner.invoke(commands, ["list", "--json"]).output)
    assert {"name": "new_device", "channel": "mail"}.items() <= listed[
        [x["name"] for x in listed].index("new_device")
    ].items()
    page = tmp_path / "mail.html"
    shown = runner.invoke(commands, ["preview", "certificate_handover", "--locale", "en", "--html", str(page)])
    assert shown.output.startswith("Your certificate is ready")
    assert 'href="http://localhost:8000/pki/' in page.read_text("utf-8")
    shown = runner.invoke(commands, ["preview", "reset_code", "--locale", "qu", "--json"])
    assert json.loads(shown.output)["language"] == "qu"
    with pytest.raises(NotFound):
        find_message("nothing")
    assert runner.invoke(commands, ["preview", "nothing"]).exit_code != 0
