"""Text that may stand in a certificate: what a reader sees must be what is there."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from kernel.errors import Rejected

_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "HEBREW", "ARABIC", "CHEROKEE", "GEORGIAN", "CJK", "HANGUL",
            "HIRAGANA", "KATAKANA", "THAI", "DEVANAGARI", "COPTIC", "FULLWIDTH", "MATHEMATICAL")  # fmt: skip


def require_plain_text(value: str, *, what: str, limit: int) -> str:
    """Return ``value`` as it may stand in a name, composed (NFC).

    :param limit: in characters, as X.520's upper bounds count (RFC 5280, appendix A.1).
    :raises Rejected: ``name_empty``, ``name_edge_space``, ``name_control_character``, ``name_too_long``,
        ``name_mixed_script``.
    """
    if not value.strip():
        raise Rejected(f"{what} is empty.", code="name_empty")
    if value != value.strip() or "  " in value:
        raise Rejected(f"{what} has a space at an end, or two in a row.", code="name_edge_space")
    if any(unicodedata.category(character) in _INVISIBLE for character in value):
        raise Rejected(f"{what} has a control or invisible character.", code="name_control_character")
    composed = unicodedata.normalize("NFC", value)
    if len(composed) > limit:
        raise Rejected(f"{what} has more than {limit} characters.", code="name_too_long")
    for word in composed.split():
        require_one_script(word, what=what)
    return composed


def require_one_script(word: str, *, what: str) -> None:
    """Check that the letters of ``word`` come from one script: а Cyrillic “а” among Latin letters reads as Latin.

    :raises Rejected: ``name_mixed_script``.
    """
    scripts = {script for character in word if character.isalpha() and (script := script_of(character))}
    if len(scripts) > 1:
        raise Rejected(f"{what} mixes letters of several alphabets in one word.", code="name_mixed_script")


@lru_cache(maxsize=4096)
def script_of(letter: str) -> str:
    """Return the script of a letter by its Unicode name, e.g. ``LATIN``; ``ª`` and ``º`` count as Latin."""
    name = unicodedata.name(letter, "UNKNOWN")
    if "ORDINAL INDICATOR" in name:
        return "LATIN"
    first = name.split()[0]
    return first if first in _SCRIPTS else "OTHER"
