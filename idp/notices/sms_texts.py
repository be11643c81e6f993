"""The texts of short messages: one file a message and language, one message of 160 places each, without links."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from idp.notices.gsm import PLACES, places_of, written_in_gsm
from kernel.errors import Fault

TEMPLATES = Environment(
    loader=PackageLoader("idp.notices", "sms_templates"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701  # nosec B701 - plain text, never HTML
)
#: For what has no message of its own.
GENERAL = "account_changed"
_MAINLAND = ZoneInfo("America/Guayaquil")


@cache
def sms_templates() -> frozenset[str]:
    """Return the names of all messages, without language."""
    return frozenset(name.partition(".")[0] for name in TEMPLATES.list_templates())


def sms_template_for(template: str) -> str:
    """Return the message that says what the mail ``template`` says: its own, or that there was a change."""
    return template if template in sms_templates() else GENERAL


def compose_sms(template: str, *, locale: str, context: Mapping[str, str], now: datetime) -> str:
    """Return the text of the message; languages without one get the Spanish one.

    :raises Fault: (``bad_sms_template``) if it takes more than one message: it would cost, and arrive, twice.
    """
    names = [f"{template}.{locale}.txt", f"{template}.es.txt"]
    values = {name: " ".join(value.split()) for name, value in context.items()}
    values["when"] = now.astimezone(_MAINLAND).strftime("%d/%m %H:%M")
    text = written_in_gsm(" ".join(TEMPLATES.select_template(names).render(values).split()))
    if places_of(text) > PLACES:
        raise Fault("A short message is too long.", code="bad_sms_template")
    return text
