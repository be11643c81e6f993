"""The alphabet of short messages (3GPP TS 23.038 §6.2.1): what 160 places hold, and how other letters are written."""

from __future__ import annotations

import unicodedata

PLACES = 160
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWO_PLACES = frozenset("^{}\\[~]|€")
_WRITTEN = str.maketrans({"«": '"', "»": '"', "“": '"', "”": '"', "’": "'", "–": "-", "—": "-", "•": "*", "…": "..."})


def written_in_gsm(text: str) -> str:
    """Return ``text`` in letters that the alphabet has: é stays, á becomes a, what has no likeness a question mark."""
    return "".join(_letter(letter) for letter in unicodedata.normalize("NFC", text).translate(_WRITTEN))


def places_of(text: str) -> int:
    """Return how many of the 160 places ``text`` takes. :raises ValueError: if a letter is not in the alphabet."""
    strange = set(text) - _BASIC - _TWO_PLACES
    if strange:
        raise ValueError(f"not in the alphabet of short messages: {sorted(strange)}")
    return sum(2 if letter in _TWO_PLACES else 1 for letter in text)


def _letter(letter: str) -> str:
    if letter in _BASIC or letter in _TWO_PLACES:
        return letter
    plain = unicodedata.normalize("NFD", letter)[0]
    return plain if plain in _BASIC else "?"
