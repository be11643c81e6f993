"""Two surnames in one line, parted. Pure: certificates of the country have a field for each."""

from __future__ import annotations

_PARTICLES = frozenset({"de", "del", "la", "las", "los", "y", "san", "santa", "da", "do", "dos", "van", "von", "mc"})


def first_and_second(surnames: str) -> tuple[str, str]:
    """Return the first surname with what belongs before it («De la Torre»), and all that follows; it may be empty."""
    words = surnames.split()
    end = 1
    while end < len(words) and words[end - 1].lower() in _PARTICLES:
        end += 1
    return " ".join(words[:end]), " ".join(words[end:])
