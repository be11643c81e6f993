"""The port of key custody: named keys that sign or decrypt, named secrets that seal."""

from __future__ import annotations

from typing import Protocol

from keys.decrypter import Decrypter, EncryptionKind
from keys.signer import RSA_BITS, Algorithm, Signer


class KeyStore(Protocol):
    """Holds private keys by name. Names are lower-case letters, digits, ``-`` and ``.``, 80 characters at most."""

    def create(self, name: str, algorithm: Algorithm, *, rsa_bits: int = RSA_BITS) -> Signer:
        """Make a key.

        :param rsa_bits: the size of its modulus, if it is one of RSA.
        :raises kernel.errors.Conflict: if the name is taken.
        """
        ...

    def open(self, name: str) -> Signer:
        """Return a key. :raises kernel.errors.NotFound: if there is none of that name."""
        ...

    def create_decrypter(self, name: str, kind: EncryptionKind) -> Decrypter:
        """Make a key pair to which others encrypt. :raises kernel.errors.Conflict: if the name is taken."""
        ...

    def open_decrypter(self, name: str) -> Decrypter:
        """Return such a key. :raises kernel.errors.NotFound: if there is none of that name."""
        ...

    def require_readable(self, name: str) -> None:
        """Check that the key, whatever it is for, can be used. :raises kernel.errors.Fault: if it cannot."""
        ...

    def place(self, name: str) -> str:
        """Return where the key of that name is, in a word or two for people: ``file``, ``token LABEL``."""
        ...

    def names(self) -> list[str]:
        """Return the names of all keys, sorted."""
        ...

    def destroy(self, name: str) -> None:
        """Remove a key for good; removing an absent one is no error."""
        ...

    def secret(self, name: str) -> bytes:
        """Return the 32-octet secret of that name, made on first use."""
        ...
