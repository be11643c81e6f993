"""The port of key custody: named keys that sign, named secrets that seal."""

from __future__ import annotations

from typing import Protocol

from keys.signer import Algorithm, Signer


class KeyStore(Protocol):
    """Holds private keys by name. Names are lower-case letters, digits, ``-`` and ``.``, 80 characters at most."""

    def create(self, name: str, algorithm: Algorithm) -> Signer:
        """Make a key. :raises kernel.errors.Conflict: if the name is taken."""
        ...

    def open(self, name: str) -> Signer:
        """Return a key. :raises kernel.errors.NotFound: if there is none of that name."""
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
