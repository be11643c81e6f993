"""The texts of mails: one file a message and language, which says itself when it is sent.

A mail stands in ``templates/NAME.LANGUAGE.txt``: a comment with when it is sent and sample values, the subject, an
empty line, paragraphs. Its HTML form is made from its text (:mod:`idp.notices.html`), so that both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from kernel.errors import Fault

#: Spanish first: a message that a language lacks is sent in Spanish.
LANGUAGES = ("es", "en", "qu")

# Plain text: nothing to escape. Line breaks are taken out of values below.
TEMPLATES = Environment(
    loader=PackageLoader("idp.notices"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701  # nosec B701 - plain text, never HTML
    keep_trailing_newline=True,
)
_MAINLAND = ZoneInfo("America/Guayaquil")
# Values that are addresses of ours; in any other value an address would be somebody else's, in our name.
_ADDRESSES = frozenset({"issuer", "link"})


@dataclass(frozen=True)
class Text:
    """A composed mail.

    :ivar language: that of the text, which is Spanish where the wanted one has none.
    """

    subject: str
    body: str
    language: str


def compose(template: str, *, locale: str, context: Mapping[str, str], now: datetime) -> Text:
    """Return the mail ``template`` in the language ``locale``, in Spanish where it has no such text.

    :raises Fault: if the file has no subject line.
    """
    chosen, language = _choose(template, locale)
    text = chosen.render(_values(context, now))
    subject, separator, body = text.partition("\n\n")
    if not separator or "\n" in subject:
        raise Fault("A mail has no subject line.", code="bad_mail_template")
    return Text(subject, body, language)


def _choose(template: str, locale: str) -> tuple[Template, str]:
    chosen = TEMPLATES.select_template([f"{template}.{locale}.txt", f"{template}.es.txt"])
    return chosen, str(chosen.name).rpartition(".txt")[0].rpartition(".")[2]


def _values(context: Mapping[str, str], now: datetime) -> dict[str, str]:
    values = {name: " ".join(value.split()) for name, value in context.items()}
    for name in values.keys() - _ADDRESSES:
        values[name] = values[name].replace("://", ": //")
    return {**values, "when": in_words(now)}


def in_words(moment: datetime) -> str:
    """Return ``moment`` (aware) as people of the mainland read it."""
    return moment.astimezone(_MAINLAND).strftime("%d/%m/%Y %H:%M")
