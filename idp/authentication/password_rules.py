"""What a new password must be: long, hard to guess, not one's own name; no rules of composition (NIST SP 800-63B)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from zxcvbn import zxcvbn

from kernel.errors import Rejected
from kernel.secret_text import SecretText

MIN_LENGTH = 10
MAX_LENGTH = 128
# 3 of 4: "safely unguessable, moderate protection from offline slow-hash" in the measure's own words.
MIN_SCORE = 3
_ESTIMATED_LENGTH = 72  # zxcvbn refuses more


def require_acceptable_password(password: SecretText, *, cedula: str, names: Sequence[str], email: str) -> None:
    """Refuse a new password that others would guess.

    :raises Rejected: ``password_missing``, ``password_short``, ``password_long``, ``password_personal``,
        ``password_weak``.
    """
    text = unicodedata.normalize("NFKC", password.reveal())
    if not text.strip():
        raise Rejected("Type a password.", code="password_missing")
    if len(text) < MIN_LENGTH:
        raise Rejected("The password is too short.", code="password_short")
    if len(text) > MAX_LENGTH:
        raise Rejected("The password is too long.", code="password_long")
    words = [word for name in names for word in _fold(name).split() if len(word) > 3]
    mailbox = _fold(email.partition("@")[0])
    personal = [cedula, *words, *([mailbox] if len(mailbox) > 3 else [])]
    if any(word and word in _fold(text) for word in personal):
        raise Rejected("The password holds your name, cédula or e-mail.", code="password_personal")
    estimate = zxcvbn(text[:_ESTIMATED_LENGTH], user_inputs=[*personal, "sau", "ecuador", "cedula", "ventanilla"])
    if estimate["score"] < MIN_SCORE:
        raise Rejected("The password is easy to guess.", code="password_weak")


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
