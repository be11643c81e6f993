"""Serial numbers: unguessable, positive, all of one length."""

from __future__ import annotations

import secrets

_LOWEST = 2**156
_HIGHEST = 2**159


def new_serial() -> int:
    """Return a fresh serial from the system's generator: 20 octets, the first hex digit 1 to 7.

    Positive and at most 20 octets in DER (RFC 5280 §4.1.2.2), 158 random bits (BR §7.1 wants 64). That none repeats,
    across all authorities of ours, is the primary key's to hold: see :class:`ca.issuance.model.Certificate`.
    """
    return _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
