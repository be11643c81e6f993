"""Sealing: authenticated encryption of what is stored yet read back (TOTP seeds, mails in the outbox, person keys)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kernel.errors import Fault
from kernel.identifiers import random_octets


def derive_secret(master: bytes, purpose: str, *, octets: int = 32) -> bytes:
    """Return the sub-secret of ``master`` for one ``purpose`` (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=hashes.SHA256(), length=octets, salt=None, info=purpose.encode()).derive(master)


@lru_cache(maxsize=64)
def derive_once(master: bytes, purpose: str) -> bytes:
    """Return what :func:`derive_secret` does, and keep it: for a ``master`` that this process holds anyway."""
    return derive_secret(master, purpose)


class Sealer:
    """AES-256-GCM for one purpose. Sealed form: version octet 1, 12-octet nonce, ciphertext with tag.

    :param master: the key store's sealing secret, 32 octets; or what returns it, asked at the first use.
    :param purpose: separates keys: what one purpose sealed, no other opens.
    """

    def __init__(self, master: bytes | Callable[[], bytes], purpose: str) -> None:
        self._master = master
        self._purpose = purpose

    @cached_property
    def _cipher(self) -> AESGCM:
        master = self._master if isinstance(self._master, bytes) else self._master()
        return AESGCM(derive_secret(master, f"seal:{self._purpose}"))

    def seal(self, content: bytes, *, bound_to: str) -> bytes:
        """Encrypt ``content``; it opens only with the same ``bound_to`` (the row's id), so rows cannot be swapped."""
        nonce = random_octets(12)
        return b"\x01" + nonce + self._cipher.encrypt(nonce, content, bound_to.encode())

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Decrypt. :raises Fault: (``seal_broken``) if it was changed, moved or sealed by another key."""
        try:
            if sealed[:1] != b"\x01":
                raise InvalidTag
            return self._cipher.decrypt(sealed[1:13], sealed[13:], bound_to.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
            raise Fault("A sealed value does not open.", code="seal_broken") from error
