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
from ca.requests.extension_rows import extension_in_words, national_fields, told_extensions
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
_USAGE_BITS = {
    "digital_signature": "digitalSignature",
    "content_commitment": "contentCommitment",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
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


def compare(
    parsed: ParsedRequest, granted: x509.Certificate, profile: Profile, *, private_arc: str
) -> tuple[Difference, ...]:
    """Return a row for everything that was asked for and everything that the certificate says.

    Read from the bytes that will be signed and not from any intention.
    """
    rows = [*_subject_rows(parsed, granted), *_extension_rows(parsed, granted)]
    rows.append(_validity_row(granted))
    key = describe_key(granted.public_key())
    rows.append(_row("Clave pública", [describe_key(parsed.public_key)], [key], ""))
    if parsed.other_extensions:
        asked = [extension_in_words(oid) for oid in parsed.other_extensions]
        rows.append(_row("Otras extensiones", asked, [], "No se copian: solo el perfil pone extensiones."))
    if profile.country_fields:
        added = national_fields(granted, private_arc=private_arc)
        rows.append(_row("Campos nacionales", [], added, "Los pide el perfil para las herramientas del país."))
    rows += [_row(field, [], values, reason) for field, values, reason in told_extensions(granted)]
    rows.append(_row("Emisor", [], [granted.issuer.rfc4514_string()], "La autoridad que emite este perfil."))
    rows.append(_row("Número de serie", [], [f"{granted.serial_number:040x}"], "Al azar; no se repite."))
    return tuple(rows)


def _subject_rows(parsed: ParsedRequest, granted: x509.Certificate) -> Iterator[Difference]:
    for name, oid in OIDS.items():
        asked = [value for attribute, value in parsed.subject if attribute == name]
        given = [str(attribute.value) for attribute in granted.subject.get_attributes_for_oid(oid)]
        if asked or given:
            yield _row(_FIELDS[name], asked, given, _FROM_REGISTER, exact=True)
    for name, value in parsed.subject:
        if name not in OIDS:
            yield _row(f"Sujeto: {name}", [value], [], "El perfil no lleva este atributo.")


def _extension_rows(parsed: ParsedRequest, granted: x509.Certificate) -> Iterator[Difference]:
    asked_names = [*parsed.dns_names, *parsed.addresses]
    given_names = alternative_names(granted)
    if asked_names or given_names:
        yield _row("Otros nombres", asked_names, given_names, "El nombre común también va aquí.")
    usage = granted.extensions.get_extension_for_class(x509.KeyUsage).value
    given_usage = [_USAGES[name] for bit, name in _USAGE_BITS.items() if getattr(usage, bit)]
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


def _row(
    field: str, requested: Sequence[str], granted: Sequence[str], reason: str, *, exact: bool = False
) -> Difference:
    # Names of servers and OIDs have no case; what a person or an institution is called has.
    fold = str if exact else str.lower
    asked, given = {fold(value) for value in requested}, {fold(value) for value in granted}
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
