"""Protection of messages: a MAC from a shared secret, or a signature (RFC 4210 §5.1.3, RFC 9481 §3, §6.1)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from hmac import compare_digest
from typing import Protocol

from asn1crypto import algos, core
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from ca.cmp.failure import CmpError, Failure
from ca.cmp.message import Message, body_integer
from ca.requests.crmf import children, sequence, verify_signature
from kernel.secret_text import SecretText
from keys.signer import Signer

PBM, PBMAC1 = "1.2.840.113533.7.66.13", "1.2.840.113549.1.5.14"
_PBKDF2 = "1.2.840.113549.1.5.12"
_ITERATIONS = range(100, 100_001)  # more would let a stranger keep a server busy
_OUR_ITERATIONS = 1000
_MAX_SALT = 128
_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
_ONE_WAY = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
# HMAC-SHA1 under both of its names is what OpenSSL's client sends; as a MAC it is not broken. We answer with SHA-256.
_MACS: dict[str, hashes.HashAlgorithm] = {
    "1.3.6.1.5.5.8.1.2": hashes.SHA1(),  # noqa: S303 # nosec B303 - HMAC
    "1.2.840.113549.2.7": hashes.SHA1(),  # noqa: S303 # nosec B303 - HMAC
    "1.2.840.113549.2.9": hashes.SHA256(),
    "1.2.840.113549.2.10": hashes.SHA384(),
    "1.2.840.113549.2.11": hashes.SHA512(),
}
_SHA256, _HMAC_SHA256 = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.2.9"


class Protector(Protocol):
    """Protects the answers of one exchange."""

    @property
    def algorithm(self) -> bytes:
        """AlgorithmIdentifier (DER)."""
        ...

    @property
    def key_id(self) -> bytes:
        """What the answer's senderKID says."""
        ...

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """What goes along in extraCerts (DER)."""
        ...

    def protect(self, protected_part: bytes) -> bytes:
        """Return the protection's octets."""
        ...


class MacProtector:
    """Answers by the secret that the request proved, by PBM with a salt of our own (RFC 9481 §6.1.1)."""

    certificates: tuple[bytes, ...] = ()

    def __init__(self, secret: SecretText, reference: bytes) -> None:
        salt = secrets.token_bytes(16)
        self.key_id = reference
        parameters = sequence(
            core.OctetString(salt).dump(),
            _identifier(_SHA256),
            core.Integer(_OUR_ITERATIONS).dump(),
            _identifier(_HMAC_SHA256),
        )
        self.algorithm = sequence(core.ObjectIdentifier(PBM).dump(), parameters)
        self._key = _pbm_key(secret, salt, hashes.SHA256(), _OUR_ITERATIONS)

    def protect(self, protected_part: bytes) -> bytes:
        """See :class:`Protector`."""
        return _mac(self._key, hashes.SHA256(), protected_part)


@dataclass(frozen=True)
class SignatureProtector:
    """Answers by a key of the service's own. :ivar certificates: its own first."""

    signer: Signer
    certificates: tuple[bytes, ...]

    @property
    def algorithm(self) -> bytes:
        """See :class:`Protector`."""
        name = {"ES256": "sha256_ecdsa", "RS256": "sha256_rsa"}[self.signer.algorithm.value]
        encoded: bytes = algos.SignedDigestAlgorithm({"algorithm": name}).dump()
        return encoded

    @property
    def key_id(self) -> bytes:
        """See :class:`Protector`."""
        certificate = x509.load_der_x509_certificate(self.certificates[0])
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest

    def protect(self, protected_part: bytes) -> bytes:
        """See :class:`Protector`."""
        return self.signer.sign(protected_part)


def require_mac(message: Message, secret: SecretText) -> None:
    """Check the MAC of a message. :raises CmpError: ``badMessageCheck``, ``badAlg``."""
    try:
        key, digest = _derive(message, secret)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise CmpError(Failure.BAD_ALG, "This kind of MAC is not taken here.") from error
    if not compare_digest(_mac(key, digest, message.protected_part), message.protection):
        raise CmpError(Failure.BAD_MESSAGE_CHECK, "The message is not protected by this reference's secret.")


def require_signature(message: Message, certificate: x509.Certificate) -> None:
    """Check the signature of a message. :raises CmpError: ``badMessageCheck``."""
    try:
        verify_signature(certificate.public_key(), message.algorithm, message.protection, message.protected_part)
    except InvalidSignature as error:
        raise CmpError(Failure.BAD_MESSAGE_CHECK, "The message is not signed by its certificate's key.") from error


def _derive(message: Message, secret: SecretText) -> tuple[bytes, hashes.HashAlgorithm]:
    if message.algorithm == PBM:
        salt, owf, iterations, mac = children(message.parameters)
        count = body_integer(iterations)
        _require_bounds(salt, count)
        return _pbm_key(secret, _octets(salt), _DIGESTS[_oid(owf)], count), _MACS[_oid(mac)]
    derivation, mac = children(message.parameters)
    method, parameters = children(derivation)
    if core.ObjectIdentifier.load(method).dotted != _PBKDF2:
        raise KeyError
    salt, iterations, *more = children(parameters)
    count = body_integer(iterations)
    _require_bounds(salt, count)
    digest = _MACS[_oid(mac)]
    prf = next((item for item in more if item[:1] == b"\x30"), None)
    length = next((body_integer(item) for item in more if item[:1] == b"\x02"), digest.digest_size)
    if not 16 <= length <= 64 or prf is None:  # the default would be HMAC-SHA1
        raise ValueError
    kdf = PBKDF2HMAC(algorithm=_MACS[_oid(prf)], length=length, salt=_octets(salt), iterations=count)
    return kdf.derive(secret.reveal().encode()), digest


def _require_bounds(salt: bytes, count: int) -> None:
    if count not in _ITERATIONS or len(salt) > _MAX_SALT:
        raise ValueError


def _pbm_key(secret: SecretText, salt: bytes, digest: hashes.HashAlgorithm, count: int) -> bytes:
    """RFC 4211 §4.4: the one-way function over secret and salt, as often as it says."""
    key = secret.reveal().encode() + salt
    one_way = _ONE_WAY[digest.name]  # without an object for each of a thousand turns
    for _ in range(count):
        key = one_way(key).digest()
    return key


def _mac(key: bytes, digest: hashes.HashAlgorithm, data: bytes) -> bytes:
    running = hmac.HMAC(key, digest)
    running.update(data)
    return running.finalize()


def _oid(identifier: bytes) -> str:
    dotted: str = core.ObjectIdentifier.load(children(identifier)[0]).dotted
    return dotted


def _octets(value: bytes) -> bytes:
    octets: bytes = core.OctetString.load(value, strict=True).native
    return octets


def _identifier(oid: str) -> bytes:
    return sequence(core.ObjectIdentifier(oid).dump(), core.Null().dump())
