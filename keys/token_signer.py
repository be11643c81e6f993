"""Keys that stay in a token, in the forms in which the program uses keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric import utils as asymmetric_utils
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificateIssuerPublicKeyTypes,
)

from kernel.errors import Rejected
from keys.signer import Algorithm

# Signs data by an algorithm, in the form X.509 uses.
SignInToken = Callable[[bytes, Algorithm], bytes]
_EC_ALGORITHMS = {"sha256": Algorithm.ES256, "sha384": Algorithm.ES384, "sha512": Algorithm.ES512}


class TokenSigner:
    """See :class:`keys.signer.Signer`. ``repr`` names the key and nothing else."""

    def __init__(
        self, key_id: str, algorithm: Algorithm, public_key: CertificateIssuerPublicKeyTypes, sign: SignInToken
    ) -> None:
        self.key_id = key_id
        self.algorithm = algorithm
        self.public_key = public_key
        self._sign = sign

    @property
    def private_key(self) -> CertificateIssuerPrivateKeyTypes:
        """See :attr:`keys.signer.Signer.private_key`. :raises Rejected: for a kind that no builder here is given."""
        match self.public_key:
            case ec.EllipticCurvePublicKey() as public_key:
                return TokenEcKey(public_key, self._sign)
            case rsa.RSAPublicKey() as public_key:
                return TokenRsaKey(public_key, self._sign)
            case ed25519.Ed25519PublicKey() as public_key:
                return TokenEd25519Key(public_key, self._sign)
        raise Rejected("This key of the token signs by itself only.", code="wrong_key_type")

    def sign(self, data: bytes) -> bytes:
        """See :meth:`keys.signer.Signer.sign`."""
        return self._sign(data, self.algorithm)

    def __repr__(self) -> str:
        return f"TokenSigner({self.key_id!r}, {self.algorithm.value})"


def _stays(*_: object, **__: object) -> NoReturn:
    raise UnsupportedAlgorithm("The key does not leave its token.")


class TokenEcKey(ec.EllipticCurvePrivateKey):
    """An EC key of a token, for the builders of ``cryptography``."""

    def __init__(self, public_key: ec.EllipticCurvePublicKey, sign: SignInToken) -> None:
        self._public_key, self._sign = public_key, sign

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public half."""
        return self._public_key

    @property
    def curve(self) -> ec.EllipticCurve:
        """Its curve."""
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        """Its size in bits."""
        return self._public_key.key_size

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Return the DER signature over ``data``. :raises UnsupportedAlgorithm: for a digest made elsewhere."""
        digest = signature_algorithm.algorithm
        if isinstance(digest, asymmetric_utils.Prehashed) or digest.name not in _EC_ALGORITHMS:
            _stays()
        return self._sign(bytes(data), _EC_ALGORITHMS[digest.name])

    exchange = private_numbers = private_bytes = __copy__ = __deepcopy__ = _stays


class TokenRsaKey(rsa.RSAPrivateKey):
    """An RSA key of a token, for the builders of ``cryptography``."""

    def __init__(self, public_key: rsa.RSAPublicKey, sign: SignInToken) -> None:
        self._public_key, self._sign = public_key, sign

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public half."""
        return self._public_key

    @property
    def key_size(self) -> int:
        """Its size in bits."""
        return self._public_key.key_size

    def sign(
        self,
        data: Any,
        padding: padding.AsymmetricPadding,
        algorithm: asymmetric_utils.Prehashed | hashes.HashAlgorithm | asymmetric_utils.NoDigestInfo,
    ) -> bytes:
        """Return the signature over ``data``. :raises UnsupportedAlgorithm: for what no key of ours signs with."""
        name = getattr(algorithm, "name", "")
        chosen = {
            ("EMSA-PKCS1-v1_5", "sha256"): Algorithm.RS256,
            ("EMSA-PKCS1-v1_5", "sha384"): Algorithm.RS384,
            ("EMSA-PSS", "sha256"): Algorithm.PS256,
        }.get((padding.name, name))
        if chosen is None:
            _stays()
        return self._sign(bytes(data), chosen)

    decrypt = private_numbers = private_bytes = __copy__ = __deepcopy__ = _stays


class TokenEd25519Key(ed25519.Ed25519PrivateKey):
    """An Ed25519 key of a token."""

    def __init__(self, public_key: ed25519.Ed25519PublicKey, sign: SignInToken) -> None:
        self._public_key, self._sign = public_key, sign

    def public_key(self) -> ed25519.Ed25519PublicKey:
        """Return the public half."""
        return self._public_key

    def sign(self, data: Any) -> bytes:
        """Return the signature over ``data``."""
        return self._sign(bytes(data), Algorithm.EDDSA)

    private_bytes = private_bytes_raw = __copy__ = __deepcopy__ = _stays
