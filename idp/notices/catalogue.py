"""Every message that people can get: which there are, when each is sent, and how it looks with sample values."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from idp.notices.html import html_of
from idp.notices.sms_texts import TEMPLATES as SMS_TEMPLATES
from idp.notices.sms_texts import compose_sms
from idp.notices.texts import LANGUAGES, TEMPLATES, compose
from kernel.errors import Fault, NotFound

_HEADER = re.compile(r"\A\{#-\n(?P<lines>.*?)\n-#\}\n", re.DOTALL)
_OR = "|"
_SOURCES = {"mail": TEMPLATES, "sms": SMS_TEMPLATES}


@dataclass(frozen=True)
class Message:
    """A mail or a short message.

    :ivar name: as ``notify`` takes it.
    :ivar channel: ``mail`` or ``sms``.
    :ivar languages: those that it has a text in, Spanish first.
    """

    name: str
    channel: str
    languages: tuple[str, ...]

    @property
    def has_code(self) -> bool:
        """Whether it carries a security code, and so no address to press on."""
        return "code" in describe(self).samples


@dataclass(frozen=True)
class Description:
    """What a message's file says of it.

    :ivar when: when it is sent, in the file's language.
    :ivar samples: values for each name that the text uses, the usual one first.
    """

    when: str
    samples: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Preview:
    """A message with sample values; a short message has neither subject nor HTML."""

    subject: str
    body: str
    html: str
    language: str


def list_messages() -> list[Message]:
    """Return every message by name, mails first."""
    found: dict[tuple[str, str], list[str]] = {}
    for channel, templates in _SOURCES.items():
        for path in templates.list_templates(extensions=["txt"]):
            name, _, language = path.removesuffix(".txt").rpartition(".")
            found.setdefault((channel, name), []).append(language)
    return [
        Message(name, channel, tuple(sorted(languages, key=LANGUAGES.index)))
        for (channel, name), languages in sorted(found.items())
    ]


def find_message(name: str, channel: str | None = None) -> Message:
    """Return the message ``name``. :raises NotFound: if there is none."""
    for message in list_messages():
        if message.name == name and channel in (None, message.channel):
            return message
    raise NotFound("There is no such message.", code="unknown_notice")


def describe(message: Message, language: str = "es") -> Description:
    """Return when ``message`` is sent and its sample values, as its file of ``language`` (or the Spanish one) says.

    A short message that says what a mail of its name says need not repeat it.

    :raises Fault: if neither begins with that.
    """
    match = _HEADER.match(source_of(message, language))
    if match is None and message.channel == "sms":
        return describe(find_message(message.name, "mail"), language)
    pairs = dict(_pair(line) for line in match["lines"].split("\n")) if match else {}
    when = pairs.pop("when", ("",))[0]
    if not when:
        raise Fault(f"{message.name} ({language}) does not begin with when it is sent.", code="bad_mail_template")
    return Description(when, pairs)


def source_of(message: Message, language: str) -> str:
    """Return the file of ``message`` in ``language``, or the Spanish one."""
    templates = _SOURCES[message.channel]
    name = f"{message.name}.{language if language in message.languages else 'es'}.txt"
    return templates.loader.get_source(templates, name)[0] if templates.loader else ""


def preview(
    message: Message, *, language: str, issuer: str, now: datetime, values: Mapping[str, str] | None = None
) -> Preview:
    """Return ``message`` in ``language`` with its usual sample values, or with ``values``."""
    samples = {name: each[0] for name, each in describe(message, language).samples.items()}
    context = {**samples, "issuer": issuer, **(values or {})}
    if message.channel == "sms":
        body = compose_sms(message.name, locale=language, context=context, now=now)
        return Preview("", body, "", language if language in message.languages else "es")
    # The sample of an address stands at a made-up origin; a preview shows it at ours.
    if "link" in samples:
        context["link"] = issuer + "/" + samples["link"].split("/", 3)[-1]
    text = compose(message.name, locale=language, context=context, now=now)
    return Preview(text.subject, text.body, html_of(text, issuer=issuer), text.language)


def sample_values(message: Message, language: str) -> Iterator[dict[str, str]]:
    """Yield every combination of the sample values, so that each branch of the text is walked."""
    samples = describe(message, language).samples
    for chosen in itertools.product(*samples.values()):
        yield dict(zip(samples, chosen, strict=True))


def _pair(line: str) -> tuple[str, tuple[str, ...]]:
    name, _, rest = line.partition(":")
    return name.strip(), tuple(value.strip() for value in rest.split(_OR))
