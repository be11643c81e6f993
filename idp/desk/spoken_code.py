"""Codes that are printed, read aloud and typed: letters that nobody confuses, stored as keyed digests."""

from __future__ import annotations

import hmac
import secrets

from idp.authentication.totp import clean_code
from idp.services import IdpServices
from keys.sealing import derive_secret

# Crockford's alphabet: no I, L, O, U. 16 letters are 80 bits.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS, _GROUP = 16, 4


def new_spoken_code() -> str:
    """Return a new code as ``XXXX-XXXX-XXXX-XXXX``."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
    return "-".join(letters[start : start + _GROUP] for start in range(0, _LETTERS, _GROUP))


def digest_of_code(services: IdpServices, purpose: str, typed: str) -> str:
    """Return the keyed digest of a code as typed: case, spaces, hyphens and look-alikes do not matter."""
    letters = clean_code(typed).upper().replace("O", "0").replace("I", "1").replace("L", "1")
    return hmac.digest(derive_secret(services.sealing_secret, purpose), letters.encode(), "sha256").hex()
