"""Requested against granted, field by field: what a person who approves has to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cryptography import x509

from ca.issuance.record import alternative_names
from ca.issuance.subject import OIDS
from ca.profiles.profile import Profile, Purpose
from ca.requests.csr import ParsedRequest
from ca.requests.keys import describe_key


class Change(StrEnum):
    """What became of a field."""

    SAME = "igual"
    REMOVED = "se quita"
    REDUCED = "se reduce"
    ADDED = "se agrega"
    REPLACED = "se cambia"


@dataclass(frozen=True)
class Difference:
    """One field.

    :ivar field: its name, in Spanish.
    :ivar requested: values in the CSR; ``granted``: values in the bytes that will be signed.
    :ivar reason: why it differs, in Spanish; empty if it does not.
    """

    field: str
    requested: tuple[str, ...]
    granted: tuple[str, ...]
    change: Change
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the row as it is stored with the request."""
        return {
            "field": self.field,
            "requested": list(self.requested),
            "granted": list(self.granted),
            "change": self.change.value,
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Difference:
        """Return the row that :meth:`to_json` stored."""
        return cls(
            field=document["field"],
            requested=tuple(document["requested"]),
            granted=tuple(document["granted"]),
            change=Change(document["change"]),
            reason=document["reason"],
        )


_FIELDS = {
    "countryName": "País",
    "stateOrProvinceName": "Provincia",
    "organizationName": "Organización",
    "organizationIdentifier": "Identificador de la organización",
    "title": "Cargo",
    "serialNumber": "Número de identidad",
    "surname": "Apellidos",
    "givenName": "Nombres",
    "commonName": "Nombre común",
}
_USAGES = {
    "digitalSignature": "Firma digital",
    "contentCommitment": "No repudio",
    "keyEncipherment": "Cifrado de claves",
    "dataEncipherment": "Cifrado de datos",
    "keyAgreement": "Acuerdo de claves",
}
_PURPOSES = {
    Purpose.SERVER_AUTH.oid: "Servidor TLS",
    Purpose.CLIENT_AUTH.oid: "Cliente TLS",
    Purpose.DOCUMENT_SIGNING.oid: "Firma de documentos",
    Purpose.OCSP_SIGNING.oid: "Firma de OCSP",
    Purpose.CODE_SIGNING.oid: "Firma de código",
    Purpose.TIME_STAMPING.oid: "Sellado de tiempo",
    Purpose.CMC_CA.oid: "Mensajes de CMP",
}
_FROM_REGISTER = "Lo decide el perfil, con los datos del registro y de la solicitud."
_BY_PROFILE = "Lo decide el perfil."


def compare(parsed: ParsedRequest, granted: x509.Certificate, profile: Profile) -> tuple[Difference, ...]:
    """Return the rows, read from the bytes that will be signed and not from any intention."""
    rows = [*_subject_rows(parsed, granted), *_extension_rows(parsed, granted)]
    rows.append(_validity_row(granted))
    key = describe_key(granted.public_key())
    rows.append(_row("Clave pública", [describe_key(parsed.public_key)], [key], ""))
    if parsed.other_extensions:
        rows.append(_row("Otras extensiones", parsed.other_extensions, [], "El perfil no las prevé; no se copian."))
    if profile.country_fields:
        added = [
            _der_text(item.value) for item in granted.extensions if isinstance(item.value, x509.UnrecognizedExtension)
        ]
        rows.append(_row("Campos nacionales", [], added, "Los pide el perfil para las herramientas del país."))
    return tuple(rows)


def _subject_rows(parsed: ParsedRequest, granted: x509.Certificate) -> Iterator[Difference]:
    for name, oid in OIDS.items():
        asked = [value for attribute, value in parsed.subject if attribute == name]
        given = [str(attribute.value) for attribute in granted.subject.get_attributes_for_oid(oid)]
        if asked or given:
            yield _row(_FIELDS[name], asked, given, _FROM_REGISTER)
    for name, value in parsed.subject:
        if name not in OIDS:
            yield _row(f"Sujeto: {name}", [value], [], "El perfil no lleva este atributo.")


def _extension_rows(parsed: ParsedRequest, granted: x509.Certificate) -> Iterator[Difference]:
    asked_names = [*parsed.dns_names, *parsed.addresses]
    given_names = alternative_names(granted)
    if asked_names or given_names:
        yield _row("Otros nombres", asked_names, given_names, "El nombre común también va aquí.")
    usage = granted.extensions.get_extension_for_class(x509.KeyUsage).value
    given_usage = [
        text
        for name, text in _USAGES.items()
        if (name == "digitalSignature" and usage.digital_signature)
        or (name == "contentCommitment" and usage.content_commitment)
    ]
    reason = "La clave solo firma: TLS moderno no cifra claves con ella." if parsed.key_usage else _BY_PROFILE
    yield _row("Uso de la clave", [_USAGES.get(name, name) for name in parsed.key_usage], given_usage, reason)
    purposes = granted.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    yield _row(
        "Uso extendido",
        [_PURPOSES.get(oid, oid) for oid in parsed.purposes],
        [_PURPOSES.get(oid.dotted_string, oid.dotted_string) for oid in purposes],
        _BY_PROFILE,
    )


def _validity_row(granted: x509.Certificate) -> Difference:
    begins, ends = granted.not_valid_before_utc, granted.not_valid_after_utc
    days = round((ends - begins).total_seconds() / 86400)
    text = f"{days} días: {begins:%Y-%m-%d %H:%M} a {ends:%Y-%m-%d %H:%M} UTC"
    return _row("Vigencia", [], [text], _BY_PROFILE)


def _row(field: str, requested: Sequence[str], granted: Sequence[str], reason: str) -> Difference:
    asked, given = {value.lower() for value in requested}, {value.lower() for value in granted}
    if asked == given:
        change, reason = Change.SAME, ""
    elif not asked:
        change = Change.ADDED
    elif not given:
        change = Change.REMOVED
    elif given < asked:
        change = Change.REDUCED
    elif asked < given:
        change = Change.ADDED
    else:
        change = Change.REPLACED
    return Difference(field, tuple(requested), tuple(granted), change, reason)


def _der_text(extension: x509.UnrecognizedExtension) -> str:
    # A short DER UTF8String: tag, length (one octet under 128, else one more), text.
    content = extension.value
    return content[2 if content[1] < 128 else 3 :].decode("utf-8", "replace")
