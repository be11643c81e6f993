"""An entry of the certificate log: the whole certificate, or a commitment where a person's data stands in it.

A log that anyone can read forever must not list people. For a certificate with a person in it the log holds a hash
that only whoever has the certificate can compute, and facts that describe no one (docs/decisions/0024).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from asn1crypto import core
from asn1crypto.x509 import AuthorityKeyIdentifier
from cryptography import x509
from cryptography.x509.oid import NameOID

from audit.event import canonical_json
from audit.tiles import ENTRY_LIMIT
from ca.der import children, content, extension_parts
from ca.profiles.registry import packaged_profiles
from kernel.errors import Fault, NotFound

VERSION = 1
_COMMITMENT_PREFIX = b"certificate log: commitment\n"
_PERSONAL = frozenset(
    (
        NameOID.GIVEN_NAME,
        NameOID.SURNAME,
        NameOID.PSEUDONYM,
        NameOID.TITLE,
        NameOID.EMAIL_ADDRESS,
        NameOID.USER_ID,
        NameOID.UNSTRUCTURED_NAME,
    )
)
_PERSONAL_NUMBERS = ("IDC", "PAS", "PNO", "TIN")  # ETSI EN 319 412-1 §5.1.3: semantics of natural persons


def _der_of(oid: x509.ObjectIdentifier) -> bytes:
    der: bytes = core.ObjectIdentifier(oid.dotted_string).dump()
    return der


_PERSONAL_DER = frozenset(_der_of(oid) for oid in _PERSONAL)
_SERIAL_NUMBER_DER = _der_of(NameOID.SERIAL_NUMBER)
_PERSONAL_NUMBERS_DER = tuple(number.encode() for number in _PERSONAL_NUMBERS)
_NAMES, _CONSTRAINTS, _AUTHORITY_KEY = (
    _der_of(kind.oid) for kind in (x509.SubjectAlternativeName, x509.BasicConstraints, x509.AuthorityKeyIdentifier)
)
_PLAIN_TEXTS = (0x0C, 0x13)  # UTF8String, PrintableString
_FIELDS, _SUBJECT = 8, 5  # of a TBSCertificate of version 3: how many, and the place of one


class Kind(StrEnum):
    """What an entry holds."""

    CERTIFICATE = "certificate"
    COMMITMENT = "commitment"


@dataclass(frozen=True, kw_only=True)
class LoggedCertificate:
    """A signed certificate on its way into the log.

    :ivar serial: lower-case hex. :ivar holder_id: the person, for a personal certificate.
    """

    serial: str
    certificate_der: bytes
    profile: str
    profile_version: int
    institution_ruc: str | None = None
    holder_id: str | None = None


@dataclass(frozen=True)
class LogEntry:
    """An entry. ``commitment`` also names those that hold the certificate itself."""

    kind: Kind
    commitment: str
    leaf: bytes


def commitment(certificate_der: bytes) -> str:
    """Return the commitment to a certificate, lower-case hex.

    SHA-256 over a fixed line and the certificate: not its usual fingerprint, which others note down when it is used.
    Its key and signature are in it, so that nobody finds it by trying names and numbers.
    """
    return hashlib.sha256(_COMMITMENT_PREFIX + certificate_der).hexdigest()


def make_entry(certificate: LoggedCertificate, *, now: datetime) -> LogEntry:
    """Return the entry of a certificate. :raises Fault: (``certificate_too_large``) if no log can hold it."""
    tbs_parts = children(children(certificate.certificate_der)[0])
    extensions = {oid: value for oid, *_, value in extension_parts(tbs_parts)}
    parsed: x509.Certificate | None = None
    if certificate.holder_id is None and _is_plainly_nobodys(tbs_parts, extensions):
        whole = _is_profile_for_nobody(certificate.profile)
    else:
        parsed = x509.load_der_x509_certificate(certificate.certificate_der)
        whole = is_public(parsed, profile=certificate.profile, holder_id=certificate.holder_id)
    kind = Kind.CERTIFICATE if whole else Kind.COMMITMENT
    now = now.astimezone(UTC)
    committed = commitment(certificate.certificate_der)
    document: dict[str, object] = {
        "v": VERSION,
        "kind": kind.value,
        "profile": certificate.profile,
        "profile_version": certificate.profile_version,
        "authority_key": _authority_key(extensions.get(_AUTHORITY_KEY)),
    }
    if whole:
        document |= {
            "logged_at": now.isoformat(timespec="microseconds"),
            "institution": certificate.institution_ruc,
            "certificate": base64.b64encode(certificate.certificate_der).decode("ascii"),
        }
    else:
        ruc = certificate.institution_ruc
        parsed = parsed or x509.load_der_x509_certificate(certificate.certificate_der)
        document |= {
            "logged_on": now.date().isoformat(),
            "institution": None if ruc is None or is_ruc_of_a_person(ruc) else ruc,
            "not_before": parsed.not_valid_before_utc.date().isoformat(),
            "not_after": parsed.not_valid_after_utc.date().isoformat(),
            "commitment": committed,
        }
    leaf = canonical_json(document)
    if len(leaf) > ENTRY_LIMIT:
        raise Fault("The certificate is too large for the certificate log.", code="certificate_too_large")
    return LogEntry(kind, committed, leaf)


def is_public(certificate: x509.Certificate, *, profile: str, holder_id: str | None) -> bool:
    """Tell whether the certificate may stand in public: what is not known to be nobody's may not.

    An authority's own may. Any other only if its profile is one of ours that is not for persons, no person holds it,
    and nothing in it names one.
    """
    if holder_id is not None or _names_a_person(certificate):
        return False
    return _is_authority(certificate) or _is_profile_for_nobody(profile)


def _is_profile_for_nobody(profile: str) -> bool:
    try:
        return not packaged_profiles().get(profile).is_personal
    except NotFound:
        return False


def is_ruc_of_a_person(ruc: str) -> bool:
    """Tell whether a RUC is a person's cédula with three digits behind it: all but 9 (companies) and 6 (public) in
    third place, and with 6 the few that a cédula may have, too."""
    return ruc[2:3] != "9" and not (ruc[2:3] == "6" and ruc[9:] == "0001")


def read_certificate(leaf: bytes) -> tuple[bytes, str | None] | None:
    """Return the certificate (DER) of a leaf and the RUC that it is for; None if the leaf holds a commitment.

    :raises ValueError: if it is no leaf of this log.
    """
    document = json.loads(leaf)
    if not isinstance(document, dict):
        raise ValueError("no entry of the certificate log")
    if document.get("kind") != Kind.CERTIFICATE:
        return None
    try:
        der = base64.b64decode(document["certificate"], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError("no entry of the certificate log") from error
    return der, document.get("institution")


def committed_by(leaf: bytes) -> str:
    """Return the commitment of the certificate that a leaf is for. :raises ValueError: if it is no leaf of this log."""
    found = read_certificate(leaf)
    if found is not None:
        return commitment(found[0])
    return str(json.loads(leaf).get("commitment"))


def _names_a_person(certificate: x509.Certificate) -> bool:
    subject = certificate.subject
    for attribute in subject:
        if attribute.oid in _PERSONAL:
            return True
        if attribute.oid == NameOID.SERIAL_NUMBER and str(attribute.value).startswith(_PERSONAL_NUMBERS):
            return True
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return any(isinstance(name, x509.RFC822Name | x509.DirectoryName | x509.OtherName) for name in names)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _is_plainly_nobodys(tbs_parts: Sequence[bytes], extensions: Mapping[bytes, bytes]) -> bool:
    """Tell by the octets alone that nothing names a person and that it is no authority's: no alternative names, no
    constraints, a subject of plain text. Of what is not plain :func:`is_public` decides, which reads everything."""
    if len(tbs_parts) != _FIELDS or _NAMES in extensions or _CONSTRAINTS in extensions:
        return False
    for rdn in children(tbs_parts[_SUBJECT]):
        for attribute in children(rdn):
            oid, value = children(attribute)
            if oid in _PERSONAL_DER or value[0] not in _PLAIN_TEXTS:
                return False
            if oid == _SERIAL_NUMBER_DER and content(value).startswith(_PERSONAL_NUMBERS_DER):
                return False
    return True


@lru_cache(maxsize=64)  # of few authorities
def _authority_key(extension: bytes | None) -> str | None:
    """The issuer's key identifier; a root has none or its own."""
    if extension is None:
        return None
    identifier = AuthorityKeyIdentifier.load(content(extension))["key_identifier"].native
    return identifier.hex() if identifier else None
