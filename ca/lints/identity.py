"""Lints on who the holder is (ETSI EN 319 412-1 to -3, Law 67 Art. 22, the country's common layout of fields)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import NameOID
from stdnum.ec import ci

from ca.issuance.extensions import MAX_NOTICE
from ca.lints.case import LintCase, error
from ca.lints.extensions import der_text
from ca.lints.finding import Finding

# EN 319 412-1 §5.1.3, §5.1.4: three letters of the kind, two of the country, a hyphen, the number.
_PERSON = re.compile(r"IDCEC-[0-9]{10}|PAS[A-Z]{2}-[A-Z0-9]{5,20}")
_LEGAL_PERSON = re.compile(r"VATEC-[0-9]{13}|NTREC-[A-Za-z0-9 ./-]{1,50}")
_NATURAL_PERSON_NEEDS = (
    NameOID.COUNTRY_NAME,
    NameOID.SERIAL_NUMBER,
    NameOID.SURNAME,
    NameOID.GIVEN_NAME,
    NameOID.COMMON_NAME,
)
_CEDULA, _NAMES, _POSITION, _LEGAL_NAME, _RUC = 1, 2, 5, 10, 11
_NATIONAL = "campos nacionales"


def subject_is_not_empty(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.1.2.6: an empty subject would need a critical SAN, which no profile here has."""
    if not case.subject:
        yield error("subject_empty", "RFC 5280 §4.1.2.6", "El certificado no dice de quién es.")


def natural_person_is_named_in_full(case: LintCase) -> Iterator[Finding]:
    """EN 319 412-2 §4.2.4: country, serialNumber, surname, givenName, commonName; the number in the form of 412-1."""
    if not case.profile.is_personal:
        return
    present = {oid for oid, _ in case.subject}
    if not present.issuperset(_NATURAL_PERSON_NEEDS):
        yield error("person_incomplete", "EN 319 412-2 §4.2.4", "Al nombre de la persona le falta una parte.")
    number = case.subject_value(NameOID.SERIAL_NUMBER) or ""
    if not _PERSON.fullmatch(number):
        yield error("person_number_malformed", "EN 319 412-1 §5.1.3", "El número de la persona no es IDCEC- ni PASxx-.")
    elif number.startswith("IDCEC-") and not ci.is_valid(number.removeprefix("IDCEC-")):
        yield error("person_number_malformed", "EN 319 412-1 §5.1.3", "La cédula no cumple su dígito verificador.")


def legal_person_has_its_number(case: LintCase) -> Iterator[Finding]:
    """EN 319 412-3 §4.2.1: who is an organization carries its name and VATEC-RUC (or NTREC- and its registration)."""
    number = case.subject_value(NameOID.ORGANIZATION_IDENTIFIER)
    if number is None:
        return
    if not _LEGAL_PERSON.fullmatch(number):
        yield error("organization_number_malformed", "EN 319 412-1 §5.1.4", "El identificador no es VATEC- ni NTREC-.")
    if case.subject_value(NameOID.ORGANIZATION_NAME) is None:
        yield error("organization_incomplete", "EN 319 412-3 §4.2.1", "Lleva un RUC y no el nombre de la organización.")


def national_fields_say_what_the_subject_says(case: LintCase) -> Iterator[Finding]:
    """The country's layout: a tool that reads the fields and one that reads the subject see the same holder."""
    texts = _texts(case)
    number = (case.subject_value(NameOID.SERIAL_NUMBER) or "").partition("-")[2]
    organization = (case.subject_value(NameOID.ORGANIZATION_IDENTIFIER) or "").partition("-")[2]
    expected = {
        _CEDULA: number,
        _NAMES: case.subject_value(NameOID.GIVEN_NAME),
        _POSITION: case.subject_value(NameOID.TITLE),
        _RUC: organization,
    }
    for field, value in expected.items():
        if value and field in texts and texts[field] != value:
            yield error(
                "national_field_differs", _NATIONAL, f"El campo nacional {field} no dice lo que dice el nombre."
            )
    surnames = " ".join(filter(None, (texts.get(3), texts.get(4))))
    if surnames and case.subject_value(NameOID.SURNAME) not in (surnames, texts.get(3)):
        yield error("national_field_differs", _NATIONAL, "Los apellidos de los campos nacionales son otros.")


def no_arc_of_others(case: LintCase) -> Iterator[Finding]:
    """Fields and policies of our own stand under our own arc; another authority's private arc is never used."""
    enterprise = "1.3.6.1.4.1."
    found = case.extension(x509.CertificatePolicies)
    policies = [item.policy_identifier.dotted_string for item in found.value] if found else []
    for oid in (*case.unrecognized, *policies):
        if oid.startswith(enterprise) and not oid.startswith(f"{case.private_arc}."):
            yield error("foreign_arc", _NATIONAL, f"{oid} es de otra autoridad.")


def law_67_content_is_there(case: LintCase) -> Iterator[Finding]:
    """Law 67 Art. 22: issuer and legal domicile, how the holder was verified, limits of use; 200 characters at most."""
    policy = case.profile.policy
    if policy is None or not policy.notice:
        return
    found = case.extension(x509.CertificatePolicies)
    qualifiers = [item for one in found.value for item in one.policy_qualifiers or ()] if found else []
    notices = [item.explicit_text or "" for item in qualifiers if isinstance(item, x509.UserNotice)]
    issuers = case.issuer.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    before, _, after = policy.notice.partition("{domicile}")
    before = before.replace("{issuer}", str(issuers[0].value) if issuers else "")
    if len(notices) != 1 or len(notices[0]) > MAX_NOTICE:
        yield error("notice_missing", "Ley 67 Art. 22", "Falta el aviso, o pasa de 200 caracteres.")
    elif issuers and not (notices[0].startswith(before) and notices[0].endswith(after)):
        yield error("notice_differs", "Ley 67 Art. 22", "El aviso no es el del perfil.")


def _texts(case: LintCase) -> dict[int, str]:
    prefix = f"{case.private_arc}.3."
    return {
        int(oid.removeprefix(prefix)): der_text(der) or ""
        for oid, der in case.unrecognized.items()
        if oid.startswith(prefix) and oid.removeprefix(prefix).isdigit()
    }


LINTS = (
    subject_is_not_empty,
    natural_person_is_named_in_full,
    legal_person_has_its_number,
    national_fields_say_what_the_subject_says,
    no_arc_of_others,
    law_67_content_is_there,
)
