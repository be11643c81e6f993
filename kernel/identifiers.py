"""Identifiers and random values, all from the system's generator."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from binascii import a2b_base64, b2a_base64

# Crockford's alphabet without I, L, O, U: read aloud and typed without mistakes.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Ten bits are two letters. 48 bits of time make ten letters with two zeros before them, 80 random ones make sixteen.
_PAIRS = [first + second for first in _ALPHABET.lower() for second in _ALPHABET.lower()]
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")
_POOL_OCTETS = 4096
# The number of the identifier made last, and who may make the next.
_last = -1
_order = threading.Lock()


class _Pool(threading.local):
    """Random octets that a thread has asked the system for and not given to anyone yet."""

    octets = b""
    used = 0


_pool = _Pool()


def _begin_anew() -> None:
    """A forked process may have inherited the lock as some thread of its parent held it, and must not share octets."""
    global _order, _pool
    _order, _pool = threading.Lock(), _Pool()


os.register_at_fork(after_in_child=_begin_anew)


def new_id() -> str:
    """Return a row identifier: 26 lower-case characters, 48 bits of milliseconds then 80 random bits.

    Identifiers made later sort later, within one process also in the same millisecond: there each is the one before it
    and a random step of 40 bits more (RFC 9562 §6.2, method 2). So indexes stay dense, and what one process wrote can
    be read in its order. The random part keeps them unguessable enough for names, never for credentials: those come
    from :func:`new_secret`.
    """
    global _last
    moment = time.time_ns() // 1_000_000
    with _order:
        if _last >> 80 >= moment:  # the machine's clock may be set back
            number = _last + 1 + int.from_bytes(random_octets(5))
        else:
            number = moment << 80 | int.from_bytes(random_octets(10))
        _last = number
    moment, random = number >> 80, number & 0xFFFFFFFFFFFFFFFFFFFF
    high, low, two = random >> 40, random & 0xFFFFFFFFFF, _PAIRS
    return (
        f"{two[moment >> 40]}{two[moment >> 30 & 1023]}{two[moment >> 20 & 1023]}{two[moment >> 10 & 1023]}"
        f"{two[moment & 1023]}{two[high >> 30]}{two[high >> 20 & 1023]}{two[high >> 10 & 1023]}{two[high & 1023]}"
        f"{two[low >> 30]}{two[low >> 20 & 1023]}{two[low >> 10 & 1023]}{two[low & 1023]}"
    )


def random_octets(number: int) -> bytes:
    """Return random octets for a name, a nonce or a salt, which others may see; for no credential and no key.

    They come from the system's generator, asked for many at a time: each time it is asked, other threads are let in.
    """
    pool = _pool
    begin = pool.used
    end = pool.used = begin + number
    if end > len(pool.octets):
        pool.octets, pool.used = os.urandom(max(_POOL_OCTETS, number)), number
        begin, end = 0, number
    return pool.octets[begin:end]


def new_nonce() -> str:
    """Return 128 random bits as unpadded base64url text of 22 characters, for what is no credential, see above."""
    return b64url(random_octets(16))


def new_secret(octets: int = 32) -> str:
    """Return ``octets`` random octets as unpadded base64url text (32 octets: 43 characters, 256 bits)."""
    return secrets.token_urlsafe(octets)


def new_reference() -> str:
    """Return a reference that a person can read over the telephone: ``XXXX-XXXX``, 40 random bits."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def sha256(value: str | bytes) -> bytes:
    """Return the SHA-256 digest (32 octets) of ``value``; text is taken as UTF-8."""
    return hashlib.sha256(value.encode() if isinstance(value, str) else value).digest()


def sha256_hex(value: str | bytes) -> str:
    """Return the SHA-256 digest of ``value`` as 64 lower-case hexadecimal characters: how credentials are stored."""
    return sha256(value).hex()


def b64url(octets: bytes) -> str:
    """Return ``octets`` as unpadded base64url text (RFC 4648 §5)."""
    return b2a_base64(octets, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def b64url_decode(text: str) -> bytes:
    """Return the octets of unpadded base64url ``text``.

    :raises ValueError: if ``text`` has a character outside the alphabet, an impossible length, or is another spelling
        of octets that :func:`b64url` writes differently (RFC 4648 §3.5).
    """
    # The decoder takes "+" and "/" too, and ignores bits left over: comparing is what makes it strict.
    padded = text + "=" * (-len(text) % 4)
    octets = a2b_base64(padded.encode("ascii").translate(_FROM_URL), strict_mode=True)
    if b64url(octets) != text:
        raise ValueError("not base64url")
    return octets
