"""What a person answers so that the civil registry tells whether it is he: made valid once, compared in one go."""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date

from idp.levels.registry import ALIVE, CivilRecord, normal_code
from kernel.errors import Rejected

_OLDEST = 130
_DAY_FIRST = re.compile(r"([0-9]{1,2})[ ./-]+([0-9]{1,2})[ ./-]+([0-9]{4})")
_YEAR_FIRST = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
# Compared with where the registry knows nobody: the same work, and no answer can equal it.
_NOBODY = "\0nobody"


@dataclass(frozen=True)
class Answers:
    """Birth date and *código dactilar*: both stand on the cédula, the second on its back."""

    birth_date: date = field(repr=False)
    fingerprint_code: str = field(repr=False)


def parse_birth_date(text: str, *, today: date) -> date:
    """Return the date of day, month and year as people type them, or of ISO 8601 as browsers do.

    :raises Rejected: ``birth_date_missing``, ``birth_date_invalid`` (no such day, one to come, or too long ago).
    """
    typed = unicodedata.normalize("NFKC", text).strip()
    if not typed:
        raise Rejected("Type the birth date.", code="birth_date_missing")
    by_people, by_browser = _DAY_FIRST.fullmatch(typed), _YEAR_FIRST.fullmatch(typed)
    parts = by_people.groups()[::-1] if by_people else by_browser.groups() if by_browser else ()
    try:
        born = date(*map(int, parts))
    except (TypeError, ValueError) as error:
        raise Rejected("There is no such day.", code="birth_date_invalid") from error
    if not today.year - _OLDEST <= born.year or born > today:
        raise Rejected("Nobody alive was born then.", code="birth_date_invalid")
    return born


def parse_fingerprint_code(text: str) -> str:
    """Return the code as it is compared.

    :raises Rejected: ``fingerprint_code_missing``, ``fingerprint_code_invalid``.
    """
    code = normal_code(text)
    if not code:
        raise Rejected("Type the code.", code="fingerprint_code_missing")
    if not (code.isascii() and 6 <= len(code) <= 12):
        raise Rejected("The code has letters and digits, ten of them.", code="fingerprint_code_invalid")
    return code


def is_the_person(answers: Answers, record: CivilRecord | None) -> bool:
    """Tell whether the answers are the registry's, all at once: nothing says which one was not.

    Who is not alive in the registry, or stands there without a code, is nobody's match.
    """
    known = f"{record.birth_date.isoformat()} {record.fingerprint_code or _NOBODY}" if record else _NOBODY
    given = f"{answers.birth_date.isoformat()} {answers.fingerprint_code}"
    fits = hmac.compare_digest(given.encode(), known.encode())
    return fits and record is not None and record.status == ALIVE
