"""Nonces that a DPoP proof repeats, so that none can be made ahead of time (RFC 9449 §8).

They are kept nowhere: each is a keyed digest of a stretch of time, the same in every process of the service.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from kernel.clock import to_timestamp
from kernel.identifiers import b64url

WINDOW = timedelta(minutes=2)
_SECONDS = int(WINDOW.total_seconds())


def nonce_at(secret: bytes, now: datetime) -> str:
    """Return the nonce to give out at ``now``; good for the rest of its window and all of the next."""
    return _nonce(secret, to_timestamp(now) // _SECONDS)


def is_live_nonce(secret: bytes, nonce: str, *, now: datetime) -> bool:
    """Tell whether ``nonce`` was given out in this window or the last, or in the next by a clock that leads."""
    window = to_timestamp(now) // _SECONDS
    return any(hmac.compare_digest(_nonce(secret, window + step).encode(), nonce.encode()) for step in (-1, 0, 1))


def _nonce(secret: bytes, window: int) -> str:
    return b64url(hmac.digest(secret, b"dpop-nonce:%d" % window, "sha256")[:18])
