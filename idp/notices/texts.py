"""The texts of mails: one file a mail and language, its first line the subject."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from kernel.errors import Fault

# Plain text: nothing to escape. Line breaks are taken out of values below.
_TEMPLATES = Environment(
    loader=PackageLoader("idp.notices"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701  # nosec B701 - plain text, never HTML
    keep_trailing_newline=True,
)
_MAINLAND = ZoneInfo("America/Guayaquil")


def compose(template: str, *, locale: str, context: Mapping[str, str], now: datetime) -> tuple[str, str]:
    """Return subject and body of the mail ``template``; languages without a text get the Spanish one."""
    names = [f"{template}.{locale}.txt", f"{template}.es.txt"]
    values = {name: " ".join(value.split()) for name, value in context.items()}
    values["when"] = now.astimezone(_MAINLAND).strftime("%d/%m/%Y %H:%M")
    text = _TEMPLATES.select_template(names).render(values)
    subject, separator, body = text.partition("\n\n")
    if not separator or "\n" in subject:
        raise Fault("A mail has no subject line.", code="bad_mail_template")
    return subject, body
