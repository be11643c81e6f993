"""What a person may call a passkey."""

from __future__ import annotations

import unicodedata

from kernel.errors import Rejected

LONGEST_NAME = 60


def parse_passkey_name(text: str) -> str:
    """Return ``text`` with single spaces, empty for none. :raises Rejected: (``passkey_name``) if it is too long."""
    shown = "".join(letter for letter in text if not unicodedata.category(letter).startswith("C") or letter.isspace())
    name = " ".join(shown.split())
    if len(name) > LONGEST_NAME:
        raise Rejected("The name is too long.", code="passkey_name")
    return name
