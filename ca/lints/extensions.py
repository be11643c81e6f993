"""Lints on the extensions (RFC 5280 §4.2, BR §7.1.2.7, Ecuador's national fields)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from asn1crypto.parser import emit, parse
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from ca.lints.case import LintCase, error
from ca.lints.finding import Finding
from ca.locations import cps_url
from ca.profiles.profile import StatusPointers

_USAGE_BITS = {
    "digital_signature": "digitalSignature",
    "content_commitment": "contentCommitment",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}


_STATUS_OIDS: dict[StatusPointers, set[str]] = {
    StatusPointers.FULL: {"2.5.29.31", "1.3.6.1.5.5.7.1.1"},
    StatusPointers.ISSUER_ONLY: {"1.3.6.1.5.5.7.1.1"},
    StatusPointers.NONE: set(),
}
_UTF8_STRING = 12
_SHORT_LIVED = timedelta(days=7)


def only_known_extensions(case: LintCase) -> Iterator[Finding]:
    """Nothing stands in a certificate that its profile did not ask for."""
    known: set[str] = {"2.5.29.35", "2.5.29.15", "2.5.29.37"}
    known |= {"2.5.29.14"} if case.profile.subject_key_identifier else set()
    known |= {"2.5.29.17"} if case.profile.names.dns != "refused" or case.profile.names.addresses else set()
    known |= {"2.5.29.32"} if case.profile.policy else set()
    known |= _STATUS_OIDS[case.profile.status]
    known |= {"2.5.29.46"} if case.profile.freshest_list else set()
    known |= {"2.5.29.56"} if case.profile.no_revocation_available else set()
    known |= {"2.5.29.16"} if case.profile.private_key_days is not None else set()
    known |= {"1.3.6.1.5.5.7.48.1.5"} if case.profile.ocsp_no_check else set()
    known |= {f"{case.private_arc}.3.{field.number}" for field in case.profile.country_fields}
    for extension in case.certificate.extensions:
        if extension.oid.dotted_string not in known:
            yield error("unexpected_extension", "perfil", f"Lleva una extensión ajena: {extension.oid.dotted_string}.")


def only_key_usage_is_critical(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.3: KeyUsage is critical; AKI, SKI, AIA, CDP, policies, SAN, EKU and national fields are not."""
    critical: tuple[type, ...] = (x509.KeyUsage,)
    if case.profile.critical_purposes:  # RFC 3161 §2.3
        critical = (x509.KeyUsage, x509.ExtendedKeyUsage)
    for extension in case.certificate.extensions:
        must_be = isinstance(extension.value, critical)
        if extension.critical is not must_be:
            name = extension.oid.dotted_string
            yield error("wrong_criticality", "RFC 5280 §4.2", f"La extensión {name} tiene mal la marca de crítica.")


def authority_key_identifier_is_the_issuers(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.1, BR §7.1.2.11.1: keyIdentifier only, equal to the issuer's SKI."""
    found = case.extension(x509.AuthorityKeyIdentifier)
    issuer_id = case.issuer_facts.key_identifier
    if found is None or found.value.key_identifier != issuer_id:
        yield error("aki_differs", "RFC 5280 §4.2.1.1", "El identificador de la clave emisora falta o es otro.")
    elif found.value.authority_cert_issuer or found.value.authority_cert_serial_number:
        yield error("aki_too_much", "BR §7.1.2.11.1", "El identificador de la clave emisora lleva más que la clave.")


def is_no_authority(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.9: an authority with pathLen 0 signs no authority."""
    constraints = case.extension(x509.BasicConstraints)
    if constraints is not None and constraints.value.ca:
        yield error("is_authority", "RFC 5280 §4.2.1.9", "El certificado sería de una autoridad.")


def usages_are_the_profiles(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.3, §4.2.1.12: the bits and purposes of the profile, no more and no less."""
    usage = case.extension(x509.KeyUsage)
    granted = {name for bit, name in _USAGE_BITS.items() if usage is not None and getattr(usage.value, bit)}
    if granted != set(case.profile.key_usage):
        yield error("key_usage_differs", "RFC 5280 §4.2.1.3", "Los usos de la clave no son los del perfil.")
    purposes = case.extension(x509.ExtendedKeyUsage)
    oids = [oid.dotted_string for oid in purposes.value] if purposes is not None else []
    if oids != [purpose.oid for purpose in case.profile.extended_key_usage]:
        yield error("purposes_differ", "RFC 5280 §4.2.1.12", "Los usos extendidos no son los del perfil.")


def status_can_be_found(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.13, §4.2.2.1: CDP over http with ``crl`` in it; AIA with OCSP first, then the issuer."""
    if case.profile.status is not StatusPointers.FULL:
        return
    points = case.extension(x509.CRLDistributionPoints)
    urls = [name.value for point in points.value for name in point.full_name or ()] if points else []
    if len(urls) != 1 or urlsplit(urls[0]).scheme != "http" or "crl" not in urls[0]:
        yield error(
            "bad_distribution_point", "RFC 5280 §4.2.1.13", "La dirección de la lista no es una http con «crl»."
        )
    access = case.extension(x509.AuthorityInformationAccess)
    methods = [item.access_method for item in access.value] if access else []
    schemes = {urlsplit(str(item.access_location.value)).scheme for item in access.value} if access else set()
    if methods != [AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS] or schemes != {"http"}:
        yield error(
            "bad_information_access", "RFC 5280 §4.2.2.1", "Debe indicar OCSP primero y luego el emisor, por http."
        )


def without_pointers_it_is_short_lived(case: LintCase) -> Iterator[Finding]:
    """BR §1.6.1, §7.1.2.11.2: who goes without a list lives seven days at most and names its issuer."""
    if case.profile.status is not StatusPointers.ISSUER_ONLY:
        return
    if case.lifetime > _SHORT_LIVED:
        yield error("not_short_lived", "BR §1.6.1", "Vale más de siete días y no dice dónde ver su estado.")
    access = case.extension(x509.AuthorityInformationAccess)
    methods = [item.access_method for item in access.value] if access else []
    if methods != [AuthorityInformationAccessOID.CA_ISSUERS]:
        yield error("bad_information_access", "RFC 5280 §4.2.2.1", "Debe indicar su emisor, y solo su emisor.")


def no_revocation_is_said_plainly(case: LintCase) -> Iterator[Finding]:
    """RFC 9608 §2: noRevAvail holds NULL, and stands where there is neither a list nor an OCSP address."""
    found = case.unrecognized.get("2.5.29.56")
    if (found is not None) is not case.profile.no_revocation_available:
        yield error("no_revocation_differs", "RFC 9608 §2", "La marca «sin revocación» no es la del perfil.")
    if found not in (None, b"\x05\x00"):
        yield error("no_revocation_malformed", "RFC 9608 §2", "La marca «sin revocación» no es NULL.")


def policy_is_documented(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.4: the profile's policy OIDs in order, the own one with the address of the practice statement."""
    if case.profile.policy is None:
        return
    own = f"{case.private_arc}.{case.profile.policy.suffix}"
    found = case.extension(x509.CertificatePolicies)
    policies = list(found.value) if found else []
    if [item.policy_identifier.dotted_string for item in policies] != [*case.profile.policy.reserved, own]:
        yield error("policies_differ", "RFC 5280 §4.2.1.4", "Las políticas no son las del perfil.")
    elif cps_url(case.issuer_origin) not in (policies[-1].policy_qualifiers or ()):
        yield error("practice_statement_missing", "RFC 5280 §4.2.1.4", "Falta la dirección de las prácticas (CPS).")


def national_fields_are_der_strings(case: LintCase) -> Iterator[Finding]:
    """The layout that the country's authorities share: each field one DER string, none empty."""
    numbers = {f"{case.private_arc}.3.{field.number}": field for field in case.profile.country_fields}
    for oid, der in case.unrecognized.items():
        if oid in numbers and der_text(der) is None:
            yield error("national_field_malformed", "campos nacionales", "Un campo nacional no es un texto DER.")
    if any(field.required and oid not in case.unrecognized for oid, field in numbers.items()):
        yield error("national_field_missing", "campos nacionales", "Falta un campo nacional obligatorio.")


def der_text(der: bytes) -> str | None:
    """Return the text of a DER UTF8String; None if it is none, is empty or is written in a longer way than DER's."""
    try:
        text = bytes(parse(der, strict=True)[4]).decode("utf-8")
    except ValueError:
        return None
    return text if text and emit(0, 0, _UTF8_STRING, text.encode()) == der else None


LINTS = (
    only_known_extensions,
    only_key_usage_is_critical,
    authority_key_identifier_is_the_issuers,
    is_no_authority,
    usages_are_the_profiles,
    status_can_be_found,
    without_pointers_it_is_short_lived,
    no_revocation_is_said_plainly,
    policy_is_documented,
    national_fields_are_der_strings,
)
