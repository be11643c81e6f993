"""Passwords that many have used: what whoever guesses tries first. A compact list shipped with the service.

``scripts/common_passwords.py`` makes the file: sorted fingerprints of six octets. Another password is taken for one of
them by chance once in about 7 thousand million.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from functools import cache
from pathlib import Path

from kernel.identifiers import sha256

FILE = Path(__file__).parent / "common_passwords.bin"
_OCTETS = 6
# What people put behind a common password to please a rule.
_TAIL = "0123456789!¡.,;:-_*+#$%&/()=¿?@ "
_LEAST_STEM = 6


def is_common(password: str) -> bool:
    """Tell whether many have used ``password``, in capitals or not, or with digits and signs put behind it.

    A phrase of several words is not common for ending in digits: only what is left of a tail of four or fewer counts.
    """
    folded = fold(password)
    stem = folded.rstrip(_TAIL)
    candidates = {folded}
    if len(stem) >= _LEAST_STEM and len(folded) - len(stem) <= 4:
        candidates.add(stem)
    known = _known()
    return any(_holds(known, fingerprint(each)) for each in candidates)


def fold(password: str) -> str:
    """Return the form in which passwords are compared."""
    return unicodedata.normalize("NFKC", password).casefold()


def fingerprint(folded: str) -> bytes:
    """Return what stands in the file for a password."""
    return sha256(folded)[:_OCTETS]


@cache
def _known() -> list[bytes]:
    octets = FILE.read_bytes()
    return [octets[start : start + _OCTETS] for start in range(0, len(octets), _OCTETS)]


def _holds(known: list[bytes], wanted: bytes) -> bool:
    place = bisect_left(known, wanted)
    return place < len(known) and known[place] == wanted
