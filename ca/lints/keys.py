"""Lints on the subject's key and what it may do (RFC 5280 §4.2.1.2, §4.2.1.3, §4.2.1.12; BR §6.1.5, §6.1.6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha1

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca.der import children, content
from ca.lints.case import LintCase, error
from ca.lints.finding import Finding
from ca.profiles.key_kinds import key_type_of
from ca.profiles.profile import Purpose, Usage

_KEY = 6  # place in the TBSCertificate
_KEY_IDENTIFIER = b"\x06\x03\x55\x1d\x0e"  # DER of id-ce-subjectKeyIdentifier
_ONLY_SIGN = "La clave de este tipo solo firma; no lleva usos de cifrado ni de acuerdo."
# RFC 5280 §4.2.1.12: the bits that are consistent with a purpose; one of them is there.
_CONSISTENT = {
    Purpose.SERVER_AUTH: {Usage.DIGITAL_SIGNATURE, Usage.KEY_ENCIPHERMENT, Usage.KEY_AGREEMENT},
    Purpose.CLIENT_AUTH: {Usage.DIGITAL_SIGNATURE, Usage.KEY_AGREEMENT},
    Purpose.CODE_SIGNING: {Usage.DIGITAL_SIGNATURE},
    Purpose.TIME_STAMPING: {Usage.DIGITAL_SIGNATURE, Usage.CONTENT_COMMITMENT},
    Purpose.OCSP_SIGNING: {Usage.DIGITAL_SIGNATURE, Usage.CONTENT_COMMITMENT},
    Purpose.CMC_CA: {Usage.DIGITAL_SIGNATURE},
    Purpose.DOCUMENT_SIGNING: {Usage.DIGITAL_SIGNATURE, Usage.CONTENT_COMMITMENT},
}
_ANY_PURPOSE = "2.5.29.37.0"
_ALONE = (Purpose.TIME_STAMPING.oid, Purpose.OCSP_SIGNING.oid)


def key_is_of_a_granted_kind(case: LintCase) -> Iterator[Finding]:
    """BR §6.1.5: a kind of key that the profile takes; RSA in whole octets, as long as the profile wants or longer."""
    key = case.public_key
    if key_type_of(key) not in case.profile.keys:
        yield error("key_kind_refused", "BR §6.1.5", "El perfil no admite esta clase de clave.")
    if isinstance(key, rsa.RSAPublicKey) and (key.key_size < case.profile.min_rsa_bits or key.key_size % 8):
        yield error("rsa_size", "BR §6.1.5", f"La clave RSA no tiene {case.profile.min_rsa_bits} bits o más.")


def rsa_exponent_is_sound(case: LintCase) -> Iterator[Finding]:
    """BR §6.1.6: odd and over 65536."""
    key = case.public_key
    if isinstance(key, rsa.RSAPublicKey):
        exponent = key.public_numbers().e
        if exponent < 65537 or exponent % 2 == 0:
            yield error("rsa_exponent", "BR §6.1.6", "El exponente RSA no es impar y mayor que 65536.")


def subject_key_identifier_is_the_keys(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.2 (1): where the profile wants it, the SHA-1 of the key's bits; an identifier, no signature."""
    found = next((value for oid, *_, value in case.extension_parts if oid == _KEY_IDENTIFIER), None)
    if (found is not None) is not case.profile.subject_key_identifier:
        yield error("ski_differs", "RFC 5280 §4.2.1.2", "El identificador de la clave falta o sobra.")
    elif found is not None:
        bits = content(children(case.parts[_KEY])[1])[1:]
        # As it is written: an OCTET STRING of 20 octets in the extension's own.
        if content(found) != b"\x04\x14" + sha1(bits, usedforsecurity=False).digest():
            yield error("ski_differs", "RFC 5280 §4.2.1.2", "El identificador de la clave no es el de esta clave.")


def usage_fits_the_key(case: LintCase) -> Iterator[Finding]:
    """RFC 8813 §3, RFC 8410 §5, RFC 9881 §5, RFC 4055 §1.2: no bit that the key's algorithm cannot serve."""
    usage = case.extension(x509.KeyUsage)
    if usage is None:
        return
    key, bits = case.public_key, usage.value
    if isinstance(key, rsa.RSAPublicKey):
        if bits.key_agreement:
            yield error("usage_does_not_fit_key", "RFC 4055 §1.2", "Una clave RSA no acuerda claves.")
    elif bits.key_encipherment or bits.data_encipherment:
        yield error("usage_does_not_fit_key", "RFC 8813 §3, RFC 9881 §5", _ONLY_SIGN)
    elif bits.key_agreement and not isinstance(key, ec.EllipticCurvePublicKey):
        yield error("usage_does_not_fit_key", "RFC 8410 §5, RFC 9881 §5", _ONLY_SIGN)


def usage_fits_the_purposes(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2.1.12: both extensions must agree, or the certificate is good for nothing."""
    granted = set(case.profile.key_usage)
    for purpose in case.profile.extended_key_usage:
        if not granted & _CONSISTENT[purpose]:
            yield error("usage_does_not_fit_purpose", "RFC 5280 §4.2.1.12", f"Ningún uso sirve para {purpose.value}.")


def purposes_are_few_and_named(case: LintCase) -> Iterator[Finding]:
    """BR §7.1.2.7.10: never anyExtendedKeyUsage; RFC 3161 §2.3, RFC 6960 §4.2.2.2: stamps and OCSP stand alone."""
    found = case.extension(x509.ExtendedKeyUsage)
    oids = [oid.dotted_string for oid in found.value] if found else []
    if not oids:
        yield error("no_purpose", "BR §7.1.2.7.10", "El certificado no dice para qué sirve.")
    if _ANY_PURPOSE in oids:
        yield error("any_purpose", "BR §7.1.2.7.10", "El certificado serviría para todo.")
    if len(set(oids)) != len(oids):
        yield error("purpose_twice", "RFC 5280 §4.2.1.12", "Un uso extendido se repite.")
    if len(oids) > 1 and set(oids) & set(_ALONE):
        yield error("purpose_not_alone", "RFC 3161 §2.3", "Sellado de tiempo y OCSP van solos.")


def private_key_signs_within_the_validity(case: LintCase) -> Iterator[Finding]:
    """ETSI EN 319 422 §6: where the profile limits it, the key signs within the certificate's validity."""
    found = case.extension(x509.PrivateKeyUsagePeriod)
    if (found is not None) is not (case.profile.private_key_days is not None):
        yield error("private_key_period_differs", "EN 319 422 §6", "El período de la clave privada falta o sobra.")
    elif found is not None:
        certificate = case.certificate
        begins, ends = found.value.not_before, found.value.not_after
        first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if begins is None or ends is None or not first <= _in_utc(begins) < _in_utc(ends) <= last:
            yield error("private_key_period_differs", "EN 319 422 §6", "La clave firmaría fuera de la vigencia.")


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)  # the parser returns UTC without saying so


LINTS = (
    key_is_of_a_granted_kind,
    rsa_exponent_is_sound,
    subject_key_identifier_is_the_keys,
    usage_fits_the_key,
    usage_fits_the_purposes,
    purposes_are_few_and_named,
    private_key_signs_within_the_validity,
)
