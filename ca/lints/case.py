"""What a lint looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import TypeVar, cast

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ca.der import children, extension_parts
from ca.issuance.assembly import read_unsigned
from ca.lints.finding import Finding, Severity
from ca.profiles.profile import Profile
from keys.signer import Algorithm

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
        return extension_parts(self.parts)

    @cached_property
    def identifiers(self) -> frozenset[bytes]:
        """The DER object identifiers of the extensions."""
        return frozenset(oid for oid, *_ in self.extension_parts)

    def subject_value(self, oid: x509.ObjectIdentifier) -> str | None:
        """Return the first value of an attribute of the subject, or None."""
        return next((value for kind, value in self.subject if kind == oid), None)

    @cached_property
    def _extensions(self) -> dict[type, x509.Extension[x509.ExtensionType]]:
        return {type(extension.value): extension for extension in self.certificate.extensions}

    def extension(self, kind: type[Extension]) -> x509.Extension[Extension] | None:
        """Return the extension of that kind, or None."""
        if _identifier(kind) not in self.identifiers:
            return None  # without reading the others
        return cast("x509.Extension[Extension] | None", self._extensions.get(kind))

    @cached_property
    def unrecognized(self) -> dict[str, bytes]:
        """The DER values of extensions that have no type of their own, by dotted OID: national fields, …"""
        if self.identifiers <= COMMON_EXTENSIONS:
            return {}
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


@lru_cache(maxsize=64)
def _identifier(kind: type[x509.ExtensionType]) -> bytes:
    der: bytes = core.ObjectIdentifier(kind.oid.dotted_string).dump()
    return der


#: What has a type of its own, and nearly every certificate has.
COMMON_EXTENSIONS = frozenset(
    _identifier(kind)
    for kind in (
        x509.AuthorityInformationAccess,
        x509.AuthorityKeyIdentifier,
        x509.CertificatePolicies,
        x509.CRLDistributionPoints,
        x509.ExtendedKeyUsage,
        x509.KeyUsage,
        x509.SubjectAlternativeName,
        x509.SubjectKeyIdentifier,
    )
)
Lint = Callable[[LintCase], Iterator[Finding]]


def error(code: str, clause: str, message: str) -> Finding:
    """Return a finding that breaks a MUST."""
    return Finding(Severity.ERROR, code, clause, message)
