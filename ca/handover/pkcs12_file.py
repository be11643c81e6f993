"""The file that a holder takes away: one key, its certificate and those above it, encrypted (PKCS #12, RFC 7292)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat, load_der_private_key, pkcs12

from kernel.errors import Fault
from kernel.secret_text import SecretText

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no letter that reads like another, no 0 and no 1
_GROUPS, _GROUP = 5, 5
# The password has 122 random bits: the rounds slow down nobody who guesses, and every reader takes them.
_ROUNDS = 50_000


def new_password() -> SecretText:
    """Return a password that can be read aloud and typed: five groups of five characters, 122 random bits."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return SecretText("-".join(groups))


def make_file(
    key_der: bytes, certificate: x509.Certificate, above: Sequence[x509.Certificate], *, password: SecretText, old: bool
) -> bytes:
    """Return the PKCS#12 file.

    :param key_der: the private key, PKCS#8.
    :param old: for readers of before 2022 (Windows 7, macOS 14 and older): 3DES and SHA-1, as RFC 7292's first
        edition has them; else PBES2 with AES-256 and PBKDF2-HMAC-SHA-256 (RFC 8018, RFC 9579's forerunner).
    :raises Fault: (``wrong_key``) if the key is not the certificate's.
    """
    key = load_der_private_key(key_der, None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise Fault("A key of this kind is not handed over.", code="wrong_key")
    if key.public_key() != certificate.public_key():
        raise Fault("The key is not the certificate's.", code="wrong_key")
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS)
    if old:
        builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1())  # noqa: S303  # nosec B303
    else:
        builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA256())
    name = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return pkcs12.serialize_key_and_certificates(
        str(name[0].value).encode() if name else b"SAU",
        key,
        certificate,
        list(above),
        builder.build(password.reveal().encode("ascii")),
    )
