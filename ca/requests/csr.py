"""Reading a certification request (PKCS #10, RFC 2986; CRMF, RFC 4211): bounded, with its proof of possession."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from ca.der import children, content
from ca.requests import crmf
from kernel.errors import Rejected
from kernel.identifiers import sha256_hex

LIMIT = 64 * 1024
MAX_RSA_BITS = 8192  # a longer modulus makes checking the signature a way to keep a server busy
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_REQUEST_LABELS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_ECDSA = (
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
)
_WEAK_HASHES = ("md5", "sha1")
_MALFORMED = (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "contentCommitment",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}


@dataclass(frozen=True, kw_only=True)
class ParsedRequest:
    """What a CSR says, none of it believed yet but the possession of the key.

    :ivar der: the request itself, without anything around it.
    :ivar spki_sha256: SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex.
    :ivar subject: attributes in order: name (or dotted OID) and value.
    :ivar dns_names: and ``addresses``, ``other_names``: the SAN as asked for; others with their kind before a colon.
    :ivar key_usage: names of RFC 5280 §4.2.1.3 as asked for; empty if not asked.
    :ivar purposes: dotted OIDs of the extended key usages asked for.
    :ivar wants_authority: BasicConstraints with cA true.
    :ivar other_extensions: dotted OIDs of whatever else it asks for.
    """

    der: bytes
    public_key: CertificatePublicKeyTypes
    spki_sha256: str
    subject: tuple[tuple[str, str], ...]
    dns_names: tuple[str, ...]
    addresses: tuple[str, ...]
    other_names: tuple[str, ...]
    key_usage: tuple[str, ...]
    purposes: tuple[str, ...]
    wants_authority: bool
    other_extensions: tuple[str, ...]

    @property
    def common_names(self) -> tuple[str, ...]:
        """The values of commonName."""
        return tuple(value for name, value in self.subject if name == "commonName")


def parse_csr(data: bytes | str) -> ParsedRequest:
    """Return the request that ``data`` (PEM text or DER) holds, its signature verified (RFC 2986 §4.2).

    :raises Rejected: ``csr_too_large``, ``csr_empty``, ``csr_private_key``, ``csr_wrong_pem``, ``csr_bad_pem``,
        ``csr_malformed``, ``csr_unsupported_key``, ``csr_weak_signature``, ``csr_bad_signature``.
    """
    return _read(_to_der(data))


@lru_cache(maxsize=64)  # what is asked is looked for, judged and stored; what was refused is not kept
def _read(der: bytes) -> ParsedRequest:
    proved = crmf.read(der) if crmf.is_crmf(der) else None
    try:
        csr = x509.load_der_x509_csr(proved.shaped_der if proved else der)
        public_key = csr.public_key()
        subject = subject_attributes(csr.subject)
        extensions = tuple(csr.extensions)
    except UnsupportedAlgorithm as error:
        raise Rejected(
            "The request's key is of a kind that is not accepted here.", code="csr_unsupported_key"
        ) from error
    except (
        ValueError,
        TypeError,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise Rejected("This is not a well-formed certificate request (PKCS #10).", code="csr_malformed") from error
    if proved:
        crmf.require_possession(proved, public_key)
    else:
        _require_possession(der, csr, public_key)
    return _described(der, public_key, subject, extensions)


def subject_attributes(name: x509.Name) -> tuple[tuple[str, str], ...]:
    """Return a name's attributes in order: name (or dotted OID) and value."""
    return tuple((_attribute_name(item.oid), str(item.value)) for item in name)


def _to_der(data: bytes | str) -> bytes:
    octets = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    if len(octets) > LIMIT:
        raise Rejected("The request is larger than 64 KiB.", code="csr_too_large")
    if not octets.strip():
        raise Rejected("There is nothing in the request.", code="csr_empty")
    if octets[:1] == b"\x30":
        return octets
    return _from_pem(octets.decode("ascii", "replace"))


def _from_pem(text: str) -> bytes:
    blocks = _BLOCK.findall(text)
    if any("PRIVATE KEY" in label for label, _ in blocks) or "PRIVATE KEY-----" in text:
        raise Rejected(
            "This holds a private key. Never send it: take it as exposed, make a new key and send only the request.",
            code="csr_private_key",
        )
    if not blocks:
        raise Rejected(
            "No “-----BEGIN CERTIFICATE REQUEST-----” block was found; copy the whole file, first and last line too.",
            code="csr_bad_pem",
        )
    if len(blocks) > 1:
        raise Rejected("There is more than one block; send one request.", code="csr_wrong_pem")
    label, body = blocks[0]
    if label not in _REQUEST_LABELS:
        raise Rejected(f"This is a {label.lower()}, not a certificate request.", code="csr_wrong_pem")
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected("The text between the two lines is damaged (it is not base64).", code="csr_bad_pem") from error


def _require_possession(der: bytes, csr: x509.CertificateSigningRequest, public_key: CertificatePublicKeyTypes) -> None:
    if isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size > MAX_RSA_BITS:
        raise Rejected(f"An RSA key has at most {MAX_RSA_BITS} bits.", code="csr_unsupported_key")
    try:
        chosen = csr.signature_hash_algorithm
        if chosen is not None and chosen.name in _WEAK_HASHES:
            raise Rejected(f"The request is signed with {chosen.name.upper()}; use SHA-256.", code="csr_weak_signature")
        # Of Ed25519 the announced algorithm is not part of what is verified; it must fit the key all the same.
        announced = csr.signature_algorithm_oid == SignatureAlgorithmOID.ED25519
        genuine = _is_signed_by(csr, public_key) and announced is isinstance(public_key, ed25519.Ed25519PublicKey)
        # A signature is whole octets: the count of unused bits, which nothing signs, is zero.
        genuine = genuine and content(children(der)[2])[:1] == b"\x00"
    except (UnsupportedAlgorithm, ValueError, TypeError, IndexError) as error:
        raise Rejected(
            "The request is signed in a way that is not accepted here.", code="csr_weak_signature"
        ) from error
    if not genuine:
        raise Rejected(
            "The request's signature is not good: it was changed, or made with another key.", code="csr_bad_signature"
        )


def _is_signed_by(csr: x509.CertificateSigningRequest, public_key: CertificatePublicKeyTypes) -> bool:
    """Tell whether the request is signed by its own key, which is read already: to read it again costs a quarter."""
    chosen = csr.signature_hash_algorithm
    if not (isinstance(public_key, ec.EllipticCurvePublicKey) and chosen and csr.signature_algorithm_oid in _ECDSA):
        return csr.is_signature_valid
    try:
        public_key.verify(csr.signature, csr.tbs_certrequest_bytes, ec.ECDSA(chosen))
    except InvalidSignature:
        return False
    return True


def _described(
    der: bytes,
    public_key: CertificatePublicKeyTypes,
    subject: tuple[tuple[str, str], ...],
    extensions: tuple[x509.Extension[x509.ExtensionType], ...],
) -> ParsedRequest:
    dns: list[str] = []
    addresses: list[str] = []
    others: list[str] = []
    usage: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    wants_authority = False
    unknown: list[str] = []
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            for name in value:
                if isinstance(name, x509.DNSName):
                    dns.append(name.value)
                elif isinstance(name, x509.IPAddress):
                    addresses.append(str(name.value))
                else:
                    others.append(f"{type(name).__name__}: {name.value}")
        elif isinstance(value, x509.KeyUsage):
            usage = tuple(text for name, text in _USAGES.items() if getattr(value, name))
        elif isinstance(value, x509.ExtendedKeyUsage):
            purposes = tuple(oid.dotted_string for oid in value)
        elif isinstance(value, x509.BasicConstraints):
            wants_authority = value.ca
        else:
            unknown.append(extension.oid.dotted_string)
    return ParsedRequest(
        der=der,
        public_key=public_key,
        spki_sha256=sha256_hex(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        subject=subject,
        dns_names=tuple(dns),
        addresses=tuple(addresses),
        other_names=tuple(others),
        key_usage=usage,
        purposes=purposes,
        wants_authority=wants_authority,
        other_extensions=tuple(unknown),
    )


_ATTRIBUTE_NAMES = {
    NameOID.COMMON_NAME: "commonName",
    NameOID.COUNTRY_NAME: "countryName",
    NameOID.LOCALITY_NAME: "localityName",
    NameOID.STATE_OR_PROVINCE_NAME: "stateOrProvinceName",
    NameOID.ORGANIZATION_NAME: "organizationName",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "organizationalUnitName",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.SURNAME: "surname",
    NameOID.GIVEN_NAME: "givenName",
    NameOID.TITLE: "title",
    NameOID.EMAIL_ADDRESS: "emailAddress",
}


def _attribute_name(oid: x509.ObjectIdentifier) -> str:
    return _ATTRIBUTE_NAMES.get(oid, oid.dotted_string)
