"""Nonces (RFC 8555 §6.5): any process gives them out, any process takes them, each once.

A nonce carries its time and a seal by a key that all processes derive from one secret, so that giving one out, which
every answer does, writes nothing. A nonce that comes back in time and unbroken is written down as spent; of any number
at once, exactly one writes it. What is kept is bounded by what was used within the lifetime.
"""

from __future__ import annotations

import hmac
import os
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from sqlalchemy import delete
from sqlalchemy.orm import Session

from ca.acme.model import SpentNonce
from ca.acme.problem import AcmeProblem, Kind
from ca.acme.reading_ahead import is_fresh, spend, wants_nonce
from kernel.identifiers import b64url, b64url_decode
from kernel.prefetch import Want

LIFETIME = timedelta(hours=1)
_TIME, _RANDOM, _SEAL = 5, 11, 16  # octets
_FUTURE = timedelta(minutes=1)  # another process's clock may lead


def new_nonce(secret: bytes, *, now: datetime) -> str:
    """Return a fresh nonce, 43 characters of base64url."""
    body = int(now.timestamp()).to_bytes(_TIME) + os.urandom(_RANDOM)
    return b64url(body + _seal(secret, body))


def require_own_nonce(secret: bytes, nonce: str, *, now: datetime) -> datetime:
    """Check that we gave ``nonce`` out within its lifetime; return when that ends. Whether it was used is not asked.

    :raises AcmeProblem: ``badNonce``.
    """
    try:
        octets = b64url_decode(nonce)
    except ValueError:
        octets = b""
    body, seal = octets[: _TIME + _RANDOM], octets[_TIME + _RANDOM :]
    if len(octets) != _TIME + _RANDOM + _SEAL or not hmac.compare_digest(seal, _seal(secret, body)):
        raise bad_nonce()
    given = datetime.fromtimestamp(int.from_bytes(body[:_TIME]), UTC)
    if not now - LIFETIME < given <= now + _FUTURE:
        raise bad_nonce()
    return given + LIFETIME


def wants_nonce_spent(nonce: str, *, expires_at: datetime) -> Want:
    """Return the wish to use a nonce up in a transaction; the work in it begins with :func:`require_fresh_nonce`."""
    return wants_nonce(nonce, kept_until=expires_at + _FUTURE)


def require_fresh_nonce(session: Session, nonce: str) -> None:
    """Check that this very transaction used the nonce up. :raises AcmeProblem: ``badNonce`` if it was used before."""
    if not is_fresh(session, nonce):
        raise bad_nonce()


def spend_nonce(session: Session, nonce: str, *, expires_at: datetime) -> bool:
    """Use a nonce up; return whether it was fresh."""
    return bool(spend(session, [wants_nonce_spent(nonce, expires_at=expires_at).key]))  # type: ignore[list-item]


def forget_old_nonces(session: Session, *, now: datetime) -> int:
    """Forget spent nonces that their age refuses by now; return how many."""
    gone = session.execute(delete(SpentNonce).where(SpentNonce.expires_at < now).returning(SpentNonce.nonce))
    return len(gone.all())


def bad_nonce() -> AcmeProblem:
    """Return the refusal after which a client tries again with the nonce of the answer."""
    return AcmeProblem(Kind.BAD_NONCE, "The nonce is not ours, too old, or used; repeat with the one of this answer.")


def _seal(secret: bytes, body: bytes) -> bytes:
    # BLAKE2b with a key (RFC 7693 §2.9): a third of HMAC's time, and the interpreter is not let go of meanwhile.
    return blake2b(body, key=secret, digest_size=_SEAL, person=b"acme-nonce").digest()
