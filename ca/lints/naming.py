"""Lints on subject and alternative names (RFC 5280 §4.1.2.6, §4.2.1.6, appendix A.1; BR §7.1.2.7.12)."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import NameOID

from ca.der import children
from ca.issuance.subject import LIMITS, OIDS
from ca.lints.case import LintCase, error
from ca.lints.finding import Finding
from ca.requests.names import canonical_dns_name
from kernel.errors import Rejected

_LIMIT_OF = {OIDS[name]: limit for name, limit in LIMITS.items()}
_PRINTABLE_TAG = 19
_UTF8_TAG = 12
_SUBJECT = 5  # place in the TBSCertificate
_MUST_BE_PRINTABLE = (b"\x06\x03\x55\x04\x06", b"\x06\x03\x55\x04\x05")  # DER of countryName, serialNumber


def one_attribute_per_rdn(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.1.2.4 read as BR §7.1.4.1: one attribute an RDN, none twice, none unplanned."""
    subject = case.name
    if any(len(list(rdn)) != 1 for rdn in subject.rdns):
        yield error("rdn_with_several", "BR §7.1.4.1", "Una parte del nombre lleva varios atributos.")
    counts = Counter(attribute.oid for attribute in subject)
    if any(count > 1 for count in counts.values()):
        yield error("attribute_twice", "BR §7.1.4.1", "Un atributo del nombre se repite.")
    planned = {OIDS[item.attribute] for item in case.profile.subject}
    if not set(counts) <= planned:
        yield error("attribute_unplanned", "perfil", "El nombre lleva un atributo que el perfil no prevé.")


def lengths_in_characters(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 appendix A.1: upper bounds count characters; an attribute is never empty."""
    for oid, value in case.subject:
        if not 1 <= len(value) <= _LIMIT_OF.get(oid, 64):
            yield error(
                "attribute_length", "RFC 5280 apéndice A.1", "Un atributo del nombre está vacío o es muy largo."
            )


def country_and_serial_are_printable(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 appendix A.1: countryName and serialNumber are PrintableString; a country has two letters."""
    for rdn in children(case.parts[_SUBJECT]):
        for attribute in children(rdn):
            oid, text = children(attribute)
            if oid in _MUST_BE_PRINTABLE and text[0] != _PRINTABLE_TAG:
                yield error("not_printable_string", "RFC 5280 apéndice A.1", "País o número no son PrintableString.")
            elif text[0] not in (_PRINTABLE_TAG, _UTF8_TAG):
                yield error("not_utf8_string", "RFC 5280 §4.1.2.4", "Un atributo no es UTF8String ni PrintableString.")
    for kind, value in case.subject:
        if kind == NameOID.COUNTRY_NAME and not (
            len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()
        ):
            yield error("bad_country", "BR §7.1.4.2", "El país no tiene dos letras mayúsculas.")


def text_is_what_it_shows(case: LintCase) -> Iterator[Finding]:
    """No control or invisible character, no space at an end, composed form (RFC 8399 §2.2)."""
    for _, value in case.subject:
        hidden = not value.isprintable()  # controls, formats, private and line separators
        if hidden or value != value.strip() or not unicodedata.is_normalized("NFC", value):
            yield error("attribute_not_plain", "RFC 8399 §2.2", "Un atributo tiene espacios al borde o signos ocultos.")


def alternative_names_are_wellformed(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.6: LDH names or addresses, none twice, only the kinds that the profile allows."""
    found = case.extension(x509.SubjectAlternativeName)
    rules = case.profile.names
    names = list(found.value) if found else []
    if rules.dns == "required" and not names:
        yield error("no_alternative_name", "BR §7.1.2.7.12", "Falta el nombre del servidor.")
    if len(set(names)) != len(names):
        yield error("alternative_name_twice", "RFC 5280 §4.2.1.6", "Un nombre se repite.")
    for name in names:
        if isinstance(name, x509.DNSName) and rules.dns != "refused":
            try:
                if canonical_dns_name(name.value, wildcards=rules.wildcards) != name.value:
                    yield error("name_not_canonical", "RFC 5280 §4.2.1.6", f"{name.value} no está en minúsculas.")
            except Rejected as refusal:
                yield error(refusal.code, "BR §7.1.2.7.12", f"El nombre {name.value!a} no es válido.")
        elif not (isinstance(name, x509.IPAddress) and rules.addresses):
            yield error("name_kind_refused", "perfil", "El perfil no admite esta clase de nombre.")


def tls_common_name_is_an_alternative_name(case: LintCase) -> Iterator[Finding]:
    """BR §7.1.4.3: commonName repeats one of the alternative names, character by character."""
    if case.profile.names.dns != "required":
        return
    found = case.extension(x509.SubjectAlternativeName)
    names = {str(name.value) for name in found.value} if found else set()
    for kind, value in case.subject:
        if kind == NameOID.COMMON_NAME and value not in names:
            yield error("common_name_not_listed", "BR §7.1.4.3", "El nombre común no está entre los otros nombres.")


LINTS = (
    one_attribute_per_rdn,
    lengths_in_characters,
    country_and_serial_are_printable,
    text_is_what_it_shows,
    alternative_names_are_wellformed,
    tls_common_name_is_an_alternative_name,
)
