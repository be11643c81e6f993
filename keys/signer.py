"""The signing port: everything that signs is given a :class:`Signer`, whatever holds the key."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificateIssuerPublicKeyTypes,
)

from kernel.errors import Rejected


class Algorithm(StrEnum):
    """A key's one signature algorithm, by its JOSE name (RFC 7518 §3.1, RFC 8037; ML-DSA: RFC 9964)."""

    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    RS256 = "RS256"
    RS384 = "RS384"
    PS256 = "PS256"
    EDDSA = "EdDSA"
    ML_DSA_44 = "ML-DSA-44"
    ML_DSA_65 = "ML-DSA-65"

    @property
    def hash(self) -> hashes.HashAlgorithm | None:
        """The hash that the algorithm signs over; None for EdDSA and ML-DSA, which hash by themselves."""
        if self in (Algorithm.EDDSA, Algorithm.ML_DSA_44, Algorithm.ML_DSA_65):
            return None
        return _HASHES[self.value[-3:]]


_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES = {Algorithm.ES256: "secp256r1", Algorithm.ES384: "secp384r1", Algorithm.ES512: "secp521r1"}


RSA_BITS = 3072


class Signer(Protocol):
    """A private key that signs and does not leave."""

    @property
    def key_id(self) -> str:
        """The name under which the key's public half is published and the key is kept."""
        ...

    @property
    def algorithm(self) -> Algorithm:
        """The one algorithm that this key signs with."""
        ...

    @property
    def public_key(self) -> CertificateIssuerPublicKeyTypes:
        """The public half."""
        ...

    @property
    def private_key(self) -> CertificateIssuerPrivateKeyTypes:
        """The key as the builders of ``cryptography`` want it; ``sign`` may call a token."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the signature over ``data`` in the form X.509 uses: ECDSA as DER, the others as is.

        :raises kernel.errors.Unavailable: if the token that holds the key does not answer.
        """
        ...


class PrivateKeySigner:
    """A signer over a ``cryptography`` private key held in memory."""

    def __init__(self, key_id: str, private_key: CertificateIssuerPrivateKeyTypes, algorithm: Algorithm) -> None:
        self.key_id = key_id
        self.private_key = private_key
        self.algorithm = algorithm
        self.public_key = private_key.public_key()
        self._sign: Callable[[bytes], bytes] | None = None

    def sign(self, data: bytes) -> bytes:
        """See :meth:`Signer.sign`."""
        if self._sign is None:
            self._sign = _signing(self.private_key, self.algorithm)
        return self._sign(data)

    def __repr__(self) -> str:
        return f"PrivateKeySigner({self.key_id!r}, {self.algorithm.value})"


def sign_with(private_key: CertificateIssuerPrivateKeyTypes, algorithm: Algorithm, data: bytes) -> bytes:
    """Sign ``data`` with ``private_key`` by ``algorithm``; the form is that of :meth:`Signer.sign`.

    :raises Rejected: (``wrong_key_type``) if the key is not one for the algorithm.
    """
    return _signing(private_key, algorithm)(data)


def _signing(private_key: CertificateIssuerPrivateKeyTypes, algorithm: Algorithm) -> Callable[[bytes], bytes]:
    """Return what signs, everything decided that does not depend on what is signed."""
    require_fitting_key(private_key, algorithm)
    chosen = algorithm.hash
    if isinstance(private_key, ed25519.Ed25519PrivateKey | mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey):
        return private_key.sign
    if isinstance(private_key, ec.EllipticCurvePrivateKey) and chosen is not None:
        by_curve, scheme = private_key, ec.ECDSA(chosen)
        return lambda data: by_curve.sign(data, scheme)
    if isinstance(private_key, rsa.RSAPrivateKey) and chosen is not None:
        by_rsa, hashed = private_key, chosen
        padded = (
            padding.PSS(mgf=padding.MGF1(chosen), salt_length=chosen.digest_size)
            if algorithm is Algorithm.PS256
            else padding.PKCS1v15()
        )
        return lambda data: by_rsa.sign(data, padded, hashed)
    raise Rejected(f"A {type(private_key).__name__} does not sign {algorithm.value}.", code="wrong_key_type")


def require_fitting_key(private_key: CertificateIssuerPrivateKeyTypes, algorithm: Algorithm) -> None:
    """Check that the key is of the type, and on the curve, of its one algorithm (RFC 7518 §3.4).

    :raises Rejected: (``wrong_key_type``) if it is not.
    """
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        fits = _CURVES.get(algorithm) == private_key.curve.name
    elif isinstance(private_key, ed25519.Ed25519PrivateKey):
        fits = algorithm is Algorithm.EDDSA
    elif isinstance(private_key, mldsa.MLDSA44PrivateKey):
        fits = algorithm is Algorithm.ML_DSA_44
    elif isinstance(private_key, mldsa.MLDSA65PrivateKey):
        fits = algorithm is Algorithm.ML_DSA_65
    else:
        fits = isinstance(private_key, rsa.RSAPrivateKey) and algorithm.value[:2] in ("RS", "PS")
    if not fits:
        raise Rejected(f"A {type(private_key).__name__} does not sign {algorithm.value}.", code="wrong_key_type")


def generate_private_key(algorithm: Algorithm, *, rsa_bits: int = RSA_BITS) -> CertificateIssuerPrivateKeyTypes:
    """Return a fresh private key for ``algorithm``; of ``rsa_bits`` if it is one of RSA."""
    match algorithm:
        case Algorithm.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        case Algorithm.ES384:
            return ec.generate_private_key(ec.SECP384R1())
        case Algorithm.ES512:
            return ec.generate_private_key(ec.SECP521R1())
        case Algorithm.EDDSA:
            return ed25519.Ed25519PrivateKey.generate()
        case Algorithm.ML_DSA_44:
            return mldsa.MLDSA44PrivateKey.generate()
        case Algorithm.ML_DSA_65:
            return mldsa.MLDSA65PrivateKey.generate()
        case _:
            return rsa.generate_private_key(65537, rsa_bits)
