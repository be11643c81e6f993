"""``binding_message``: what both screens show, so that a person sees that they belong together (CIBA Core §7.1)."""

from __future__ import annotations

import re
import unicodedata

from idp.protocol.errors import TokenError

LENGTH_LIMIT = 64
# Plain text of a language in Latin letters. No colon and no double slash: it can neither be nor look like an address.
_MARKS = frozenset(" .,-_#/()+*=%$°ºª¿?¡!'\"&")


def require_displayable(text: str | None) -> str | None:
    """Return the message as it will be shown, or None if there is none.

    :raises TokenError: (``invalid_binding_message``) if it is longer than 64 characters, or has others than Latin
        letters, digits, spaces and common marks: small screens and telephones must be able to show it.
    """
    if text is None:
        return None
    message = unicodedata.normalize("NFC", text)
    if not message.strip() or len(message) > LENGTH_LIMIT or "//" in message or not all(map(_is_plain, message)):
        raise TokenError(
            "invalid_binding_message",
            f"The binding_message has 1 to {LENGTH_LIMIT} Latin letters, digits, spaces and common marks.",
        )
    return re.sub(r" +", " ", message).strip()


def _is_plain(character: str) -> bool:
    if character in _MARKS or (character.isascii() and character.isalnum()):
        return True
    return unicodedata.category(character)[0] == "L" and unicodedata.name(character, "").startswith("LATIN ")
