"""Dates and times as people here read them: 24-hour clock, continental Ecuador, machine-readable beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from flask import Flask
from flask_babel import format_datetime
from markupsafe import Markup

from web.locale import current_language

TIMEZONE = "America/Guayaquil"
Style = Literal["full", "long", "short", "date", "time"]

_PATTERNS: dict[str, dict[Style, str]] = {
    "es": {
        "full": "EEEE d 'de' MMMM 'de' y, HH:mm",
        "long": "d 'de' MMMM 'de' y, HH:mm",
        "short": "d MMM y, HH:mm",
        "date": "d 'de' MMMM 'de' y",
        "time": "HH:mm:ss",
    },
    "en": {
        "full": "EEEE d MMMM y, HH:mm",
        "long": "d MMMM y, HH:mm",
        "short": "d MMM y, HH:mm",
        "date": "d MMMM y",
        "time": "HH:mm:ss",
    },
}


def moment(value: datetime, style: Style = "long") -> Markup:
    """Return ``value`` (aware) as a ``<time>`` element in the reader's language.

    :param style: ``full`` (with the weekday), ``long``, ``short``, ``date`` or ``time`` (with seconds).
    """
    local = value.astimezone(ZoneInfo(TIMEZONE))
    return Markup('<time datetime="{}">{}</time>').format(
        local.isoformat(timespec="seconds"), moment_text(value, style)
    )


def moment_text(value: datetime, style: Style = "long") -> str:
    """Return ``value`` (aware) as plain text in the reader's language: for mails and titles."""
    patterns = _PATTERNS.get(current_language(), _PATTERNS["es"])
    text: str = format_datetime(value, patterns[style])
    return text[:1].upper() + text[1:]


def init_moments(app: Flask) -> None:
    """Give templates the filter ``moment``: ``{{ issued_at|moment("short") }}``."""
    app.jinja_env.filters["moment"] = moment
    app.jinja_env.filters["moment_text"] = moment_text
