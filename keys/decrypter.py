"""The port of decryption: keys to which others encrypt, kept where the signing keys are."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kernel.errors import Rejected

DecryptionKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
EncryptionPublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class EncryptionKind(StrEnum):
    """What a key pair for encryption is used for, by the JOSE name that stands for it (RFC 7518 §4.1)."""

    RSA_OAEP_256 = "RSA-OAEP-256"
    ECDH_ES = "ECDH-ES"  # and the forms of it that wrap a key


class Decrypter(Protocol):
    """A private key that opens what was encrypted to it, and does not leave."""

    @property
    def key_id(self) -> str:
        """The name under which the key's public half is published and the key is kept."""
        ...

    @property
    def kind(self) -> EncryptionKind:
        """The one use of the key."""
        ...

    @property
    def public_key(self) -> EncryptionPublicKey:
        """The public half."""
        ...

    @property
    def private_key(self) -> DecryptionKey:
        """The key as ``joserfc`` wants it; its ``decrypt`` or ``exchange`` may call a token."""
        ...


class PrivateKeyDecrypter:
    """A decrypter over a ``cryptography`` private key held in memory."""

    def __init__(self, key_id: str, private_key: DecryptionKey, kind: EncryptionKind) -> None:
        self.key_id = key_id
        self.kind = kind
        self.private_key = private_key

    @property
    def public_key(self) -> EncryptionPublicKey:
        """See :attr:`Decrypter.public_key`."""
        return self.private_key.public_key()

    def __repr__(self) -> str:
        return f"PrivateKeyDecrypter({self.key_id!r}, {self.kind.value})"


def generate_decryption_key(kind: EncryptionKind, *, rsa_bits: int = 3072) -> DecryptionKey:
    """Return a fresh private key of the ``kind``."""
    if kind is EncryptionKind.RSA_OAEP_256:
        return rsa.generate_private_key(65537, rsa_bits)
    return ec.generate_private_key(ec.SECP256R1())


def require_decryption_key(private_key: object, kind: EncryptionKind) -> DecryptionKey:
    """Return the key after checking that it is one of the ``kind``.

    :raises Rejected: (``wrong_key_type``) if it is not.
    """
    if kind is EncryptionKind.RSA_OAEP_256 and isinstance(private_key, rsa.RSAPrivateKey):
        return private_key
    if kind is EncryptionKind.ECDH_ES and isinstance(private_key, ec.EllipticCurvePrivateKey):
        return private_key
    raise Rejected(f"A {type(private_key).__name__} does not open {kind.value}.", code="wrong_key_type")
