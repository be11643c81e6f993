"""The document by which a person is known and logs in: the cédula, or a foreigner's passport.

In normal form a document is one text: ten digits are a cédula, ``COL-AB123456`` is a passport: the issuing state
(ICAO Doc 9303-3, section 5), a hyphen, and the number as it is printed.
"""

from __future__ import annotations

import re
import unicodedata

from stdnum.ec import ci

from idp.accounts.identity import mask_cedula, parse_cedula
from idp.accounts.issuing_states import ISSUING_STATES, OWN_STATE, normal_state
from kernel.errors import Rejected

PASSPORT_LENGTH = 13
# Doc 9303-4 §4.2.2: nine places for the number. Shorter than five nobody issues.
_NUMBER = re.compile(r"(?=[A-Z0-9]*[0-9])[A-Z0-9]{5,9}")
_TYPED = re.compile(r"([A-Z]{1,3})[ \-/<.]+([A-Z0-9 \-.]+)")


def parse_document(text: str) -> str:
    """Return the document in normal form, of a cédula or passport as typed: what people write as user name.

    A passport is typed with its state before the number and something between them, for a number may begin with
    letters too: what could be read in two ways is refused, not guessed.

    :raises Rejected: ``username_missing``, ``passport_unclear`` (no state, or nothing between state and number), or as
        :func:`parse_cedula` and :func:`parse_passport`.
    """
    typed = unicodedata.normalize("NFKC", text).strip().upper()
    if not typed:
        raise Rejected("Type the cédula or the passport.", code="username_missing")
    compact = ci.compact(typed)
    if not any("A" <= letter <= "Z" for letter in compact):
        return parse_cedula(typed)
    parts = _TYPED.fullmatch(typed)
    if parts is not None:
        return parse_passport(parts[1], parts[2])
    if compact.isascii() and compact.isalnum():
        raise Rejected("Type the state, a hyphen and the number.", code="passport_unclear")
    return parse_cedula(typed)


def parse_passport(state: str, number: str) -> str:
    """Return a passport in normal form, ``COL-AB123456``.

    :param state: three letters as in the machine-readable zone; :param number: as printed, spaces and hyphens aside.
    :raises Rejected: ``passport_state_missing``, ``passport_state_unknown``, ``passport_own_state`` (its holder has a
        cédula), ``passport_missing``, ``passport_invalid``.
    """
    code = normal_state(unicodedata.normalize("NFKC", state).strip().upper())
    if not code:
        raise Rejected("Say which state issued the passport.", code="passport_state_missing")
    if code not in ISSUING_STATES:
        raise Rejected("No state has these letters.", code="passport_state_unknown")
    if code == OWN_STATE:
        raise Rejected("Who has this passport has a cédula.", code="passport_own_state")
    compact = re.sub(r"[ \-.<]", "", unicodedata.normalize("NFKC", number).strip().upper())
    if not compact:
        raise Rejected("Type the number of the passport.", code="passport_missing")
    if not _NUMBER.fullmatch(compact):
        raise Rejected("A passport has 5 to 9 letters and digits.", code="passport_invalid")
    return f"{code}-{compact}"


def is_passport(document: str) -> bool:
    """Tell whether a document in normal form is a passport."""
    return "-" in document


def split_passport(document: str) -> tuple[str, str]:
    """Return issuing state and number of a passport in normal form."""
    state, _hyphen, number = document.partition("-")
    return state, number


def columns_of(document: str) -> dict[str, str | None]:
    """Return the columns in which a document in normal form is kept."""
    passport = is_passport(document)
    return {"cedula": None if passport else document, "passport": document if passport else None}


def mask_document(document: str) -> str:
    """Return a document with enough of it for its owner to know it: never more than its last four characters."""
    if not is_passport(document):
        return mask_cedula(document)
    state, number = split_passport(document)
    shown = min(4, len(number) - 3)
    return f"{state}-{'•' * (len(number) - shown)}{number[-shown:]}"
