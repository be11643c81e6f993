"""What a lint looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import TypeVar, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ca.issuance.assembly import read_unsigned
from ca.lints.finding import Finding, Severity
from ca.profiles.profile import Profile
from keys.signer import Algorithm

_EXTENSIONS_TAG = 0xA3
Extension = TypeVar("Extension", bound=x509.ExtensionType)


@dataclass(frozen=True)
class IssuerFacts:
    """Of the authority that issues. :ivar subject_der: its name. :ivar key_identifier: of its own SKI."""

    subject_der: bytes
    key_identifier: bytes
    constraints: x509.NameConstraints | None


@dataclass(frozen=True, kw_only=True)
class LintCase:
    """A certificate that is about to be signed, and what it is held against.

    :ivar tbs_der: the exact bytes.
    :ivar issuer: the authority's certificate.
    :ivar algorithm: the issuing key's.
    """

    tbs_der: bytes
    issuer: x509.Certificate
    profile: Profile
    algorithm: Algorithm
    private_arc: str
    issuer_origin: str

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The bytes as a readable certificate; its signature is void."""
        return read_unsigned(self.tbs_der)

    @cached_property
    def issuer_facts(self) -> IssuerFacts:
        """What the lints ask of the issuer."""
        return issuer_facts(self.issuer)

    @cached_property
    def parts(self) -> tuple[bytes, ...]:
        """The DER fields of the TBSCertificate in order: version, serial, signature, issuer, dates, subject, key, …"""
        return children(self.tbs_der)

    @cached_property
    def subject(self) -> tuple[tuple[x509.ObjectIdentifier, str], ...]:
        """The subject's attributes in order."""
        return tuple((attribute.oid, str(attribute.value)) for attribute in self.name)

    @cached_property
    def name(self) -> x509.Name:
        """The subject, read once."""
        return self.certificate.subject

    @cached_property
    def public_key(self) -> CertificatePublicKeyTypes:
        """The subject's key, read once."""
        return self.certificate.public_key()

    @cached_property
    def extension_parts(self) -> tuple[tuple[bytes, ...], ...]:
        """The DER fields of each extension in order: identifier, criticality where it is said, value."""
        placed = (part for part in self.parts if part[0] == _EXTENSIONS_TAG)
        return tuple(children(extension) for part in placed for extension in children(children(part)[0]))

    def subject_value(self, oid: x509.ObjectIdentifier) -> str | None:
        """Return the first value of an attribute of the subject, or None."""
        return next((value for kind, value in self.subject if kind == oid), None)

    @cached_property
    def _extensions(self) -> dict[type, x509.Extension[x509.ExtensionType]]:
        return {type(extension.value): extension for extension in self.certificate.extensions}

    def extension(self, kind: type[Extension]) -> x509.Extension[Extension] | None:
        """Return the extension of that kind, or None."""
        return cast("x509.Extension[Extension] | None", self._extensions.get(kind))

    @cached_property
    def unrecognized(self) -> dict[str, bytes]:
        """The DER values of extensions that have no type of their own, by dotted OID: national fields, …"""
        return {
            extension.oid.dotted_string: extension.value.value
            for extension in self.certificate.extensions
            if isinstance(extension.value, x509.UnrecognizedExtension)
        }

    @cached_property
    def lifetime(self) -> timedelta:
        """How long it is valid, both ends counted (RFC 5280 §4.1.2.5)."""
        certificate = self.certificate
        return certificate.not_valid_after_utc - certificate.not_valid_before_utc + timedelta(seconds=1)


def children(der: bytes) -> tuple[bytes, ...]:
    """Return the DER values that stand in a constructed DER value, in order.

    For bytes that were parsed before: it follows lengths and judges nothing.
    """
    at, end = _bounds(der, 0)
    found = []
    while at < end:
        length = der[at + 1]
        after = at + 2 + length if length < 0x80 else _bounds(der, at)[1]  # most are short
        found.append(der[at:after])
        at = after
    return tuple(found)


def content(der: bytes) -> bytes:
    """Return the content octets of a DER value."""
    begin, end = _bounds(der, 0)
    return der[begin:end]


def _bounds(der: bytes, at: int) -> tuple[int, int]:
    # X.690 §8.1.3: a length under 128 is one octet; else that octet counts those that hold it.
    length, begin = der[at + 1], at + 2
    if length >= 0x80:
        octets = length & 0x7F
        length, begin = int.from_bytes(der[begin : begin + octets], "big"), begin + octets
    return begin, begin + length


@lru_cache(maxsize=64)
def issuer_facts(issuer: x509.Certificate) -> IssuerFacts:
    """Return what every lint asks of the same issuer."""
    extensions = issuer.extensions
    try:
        constraints = extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        constraints = None
    return IssuerFacts(
        subject_der=issuer.subject.public_bytes(),
        key_identifier=extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest,
        constraints=constraints,
    )


Lint = Callable[[LintCase], Iterator[Finding]]


def error(code: str, clause: str, message: str) -> Finding:
    """Return a finding that breaks a MUST."""
    return Finding(Severity.ERROR, code, clause, message)
