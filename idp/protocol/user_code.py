"""User codes of the device flow: typed on a telephone, read aloud by someone else (RFC 8628 §6.1).

Eight letters out of seventeen, in two groups: 17^8 = 7.0 · 10^9 codes, 32.7 bits. No vowels, so that no word comes out;
no letter that Spanish names or writes like another one (V is heard as B, N as M; W and Y have two names each). With
10,000 codes waiting at once and the 600 wrong tries an hour that the whole service answers to people who are not logged
in, somebody guesses some waiting code once in 1,100 hours; what he gets then is a stranger's device logged in as
himself. RFC 8628 §5.1 asks for a ratio that cannot be used; the code lives for ten minutes and is decided on once.
"""

from __future__ import annotations

import unicodedata

from kernel.errors import Rejected

ALPHABET = "BCDFGHJKLMPQRSTXZ"
LENGTH = 8
_GROUP = 4
# What was heard, in the letters that there are: none of these stands in the alphabet.
_HEARD = str.maketrans({"V": "B", "N": "M"})


def read_user_code(text: str) -> str:
    """Return a code as it was typed in its one spelling: eight capital letters.

    Case, spaces, hyphens and the forms of East Asian keyboards do not matter.

    :raises Rejected: ``user_code_missing``, ``user_code_malformed``.
    """
    folded = unicodedata.normalize("NFKC", text).upper()
    letters = "".join(each for each in folded if unicodedata.category(each) not in ("Zs", "Pd", "Cc", "Cf", "Sm"))
    if not letters:
        raise Rejected("Type the code.", code="user_code_missing")
    letters = letters.translate(_HEARD)
    if len(letters) != LENGTH or not set(letters) <= set(ALPHABET):
        raise Rejected("That is not a code of ours.", code="user_code_malformed")
    return letters


def written_user_code(letters: str) -> str:
    """Return a code as devices show it: two groups of four with a hyphen."""
    return f"{letters[:_GROUP]}-{letters[_GROUP:]}"
