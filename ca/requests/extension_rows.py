"""What a certificate says beside names and usages, read from its bytes, in words for who approves it."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from ca.profiles.sentences import NATIONAL_FIELDS, PARTS

Told = tuple[str, tuple[str, ...], str]
_NO_REVOCATION = "2.5.29.56"
_IN_WORDS = {
    "2.5.29.14": "identificador de la clave",
    "2.5.29.35": "identificador de la clave emisora",
    "2.5.29.32": "políticas",
    "2.5.29.31": "lista de revocación",
    "2.5.29.30": "límites de nombres",
    "2.5.29.36": "límites de políticas",
    "1.3.6.1.5.5.7.1.1": "direcciones de estado",
    "1.3.6.1.5.5.7.1.3": "declaraciones de calificación (QC)",
    "1.3.6.1.5.5.7.1.24": "respuesta de estado obligatoria (must-staple)",
    "1.3.6.1.5.5.7.48.1.5": "sin consulta de estado (OCSP nocheck)",
}


def extension_in_words(oid: str) -> str:
    """Return an extension that a request asks for, by its OID, in words where there are any."""
    words = _IN_WORDS.get(oid)
    return f"{oid} ({words})" if words else oid


def told_extensions(granted: x509.Certificate) -> Iterator[Told]:
    """Yield field, values and reason for every extension that is not about names, usages or national fields."""
    for extension in granted.extensions:
        value = extension.value
        if isinstance(value, x509.CertificatePolicies):
            yield from _policies(value)
        elif isinstance(value, x509.CRLDistributionPoints):
            yield "Lista de revocación", _urls(value), _why("cRLDistributionPoints")
        elif isinstance(value, x509.FreshestCRL):
            yield "Lista de cambios", _urls(value), _why("freshestCRL")
        elif isinstance(value, x509.AuthorityInformationAccess):
            yield "Estado y emisor", _access(value), _why("authorityInfoAccess")
        elif isinstance(value, x509.AuthorityKeyIdentifier):
            yield "Clave emisora", ((value.key_identifier or b"").hex(),), _why("authorityKeyIdentifier")
        elif isinstance(value, x509.SubjectKeyIdentifier):
            yield "Identificador de la clave", (value.digest.hex(),), _why("subjectKeyIdentifier")
        elif isinstance(value, x509.PrivateKeyUsagePeriod):
            yield "La clave firma", (_period(value),), _why("privateKeyUsagePeriod")
        elif isinstance(value, x509.OCSPNoCheck):
            yield "Estado de quien responde", ("No se consulta",), _why("id-pkix-ocsp-nocheck")
        elif extension.oid.dotted_string == _NO_REVOCATION:
            yield "Revocación", ("No hay",), _why("noRevAvail")


def national_fields(granted: x509.Certificate, *, private_arc: str) -> tuple[str, ...]:
    """Return the country's fields, each with its name: ``Cédula o pasaporte: 1710034065``."""
    prefix = f"{private_arc}.3."
    return tuple(
        f"{_field_name(extension.oid.dotted_string.removeprefix(prefix))}: {_der_text(extension.value.value)}"
        for extension in granted.extensions
        if isinstance(extension.value, x509.UnrecognizedExtension) and extension.oid.dotted_string.startswith(prefix)
    )


def _policies(policies: x509.CertificatePolicies) -> Iterator[Told]:
    oids = tuple(item.policy_identifier.dotted_string for item in policies)
    yield "Políticas", oids, _why("certificatePolicies")
    qualifiers = [qualifier for item in policies for qualifier in item.policy_qualifiers or ()]
    statements = tuple(item for item in qualifiers if isinstance(item, str))
    notices = tuple(item.explicit_text or "" for item in qualifiers if isinstance(item, x509.UserNotice))
    if statements:
        yield "Declaración de prácticas", statements, _why("certificatePolicies")
    if notices:
        yield "Aviso", notices, _why("userNotice")


def _urls(points: x509.CRLDistributionPoints | x509.FreshestCRL) -> tuple[str, ...]:
    return tuple(str(name.value) for point in points for name in point.full_name or ())


def _access(access: x509.AuthorityInformationAccess) -> tuple[str, ...]:
    kinds = {AuthorityInformationAccessOID.OCSP: "OCSP", AuthorityInformationAccessOID.CA_ISSUERS: "emisor"}
    return tuple(f"{kinds.get(item.access_method, '?')}: {item.access_location.value}" for item in access)


def _period(period: x509.PrivateKeyUsagePeriod) -> str:
    begins, ends = period.not_before, period.not_after
    return f"{begins:%Y-%m-%d} a {ends:%Y-%m-%d}" if begins and ends else "?"


def _why(part: str) -> str:
    clause, words = PARTS[part]
    return f"{words.es} ({clause})"


def _field_name(number: str) -> str:
    words = NATIONAL_FIELDS.get(int(number)) if number.isdigit() else None
    return words.es.rstrip(".") if words else number


def _der_text(der: bytes) -> str:
    # A short DER UTF8String: tag, length (one octet under 128, else one more), text.
    return der[2 if der[1] < 128 else 3 :].decode("utf-8", "replace")
