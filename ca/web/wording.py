"""Certificates in words for readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from ca.issuance.authority import AuthorityRecord, CrossCertificate
from ca.locations import FIRST_SHARD, FULL_LIST, crl_url
from ca.register.public_certificate import PublicCertificate, Standing
from ca.register.public_search import MIN_WORDS
from ca.revocation.reason import RevocationReason
from ca.revocation.served_list import ListFacts
from kernel.identifiers import sha256_hex

REASONS: dict[str, LazyString] = {
    RevocationReason.UNSPECIFIED: _l("no se indicó el motivo"),
    RevocationReason.KEY_COMPROMISE: _l("su clave privada pudo caer en otras manos"),
    RevocationReason.CA_COMPROMISE: _l("la clave de la autoridad pudo caer en otras manos"),
    RevocationReason.AFFILIATION_CHANGED: _l("cambiaron los datos de su titular"),
    RevocationReason.SUPERSEDED: _l("fue reemplazado por otro"),
    RevocationReason.CESSATION_OF_OPERATION: _l("el servicio dejó de funcionar"),
    RevocationReason.PRIVILEGE_WITHDRAWN: _l("se retiró la autorización que tenía"),
}
_STANDINGS: dict[Standing, tuple[str, LazyString]] = {
    Standing.VALID: ("ok", _l("Vigente")),
    Standing.NOT_YET_VALID: ("info", _l("Aún no vigente")),
    Standing.EXPIRED: ("none", _l("Vencido")),
    Standing.REVOKED: ("bad", _l("Revocado")),
    Standing.ON_HOLD: ("warn", _l("Suspendido")),
}
_ATTRIBUTE_NAMES = {NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier"}
_PROFILES: dict[str, LazyString] = {
    "tls-server": _l("Sitio web o servidor (TLS)"),
    "tls-client": _l("Aplicación (TLS de cliente)"),
    "tls-server-acme": _l("Sitio web o servidor (TLS, renovación automática)"),
    "tls-server-short": _l("Sitio web o servidor (TLS, de pocos días)"),
    "institution-seal": _l("Sello de institución"),
    "time-stamping": _l("Sellado de tiempo"),
    "code-signing": _l("Firma de programas"),
    "ocsp-responder": _l("Respuestas de estado (OCSP) de la autoridad"),
    "root-ca": _l("Autoridad raíz"),
    "issuing-ca": _l("Autoridad emisora"),
}


@dataclass(frozen=True)
class CertificateCard:
    """A certificate as a page shows it.

    :ivar holder: the organization, or where the certificate names none the institution's RUC.
    :ivar has_status: whether lists and OCSP know it; a certificate of few days does without.
    :ivar state: ``ok``, ``bad`` … of the component sheet. :ivar heading: its first name, else its subject's.
    """

    heading: str
    organization: str
    holder: str
    subject: str
    has_status: bool
    state: str
    standing: LazyString
    reason: LazyString | str
    kind: LazyString | str
    serial: str
    serial_spaced: str
    fingerprint: str
    certificate: PublicCertificate


@dataclass(frozen=True)
class AuthorityRows:
    """An authority as a page shows it.

    :ivar issues: titles of the profiles that it issues now. :ivar crossed: other roots' certificates of it.
    """

    name: str
    heading: str
    is_root: bool
    key: str
    not_after: datetime
    fingerprint: str
    list_address: str
    issues: tuple[str, ...]
    crossed: tuple[CrossCertificate, ...]
    newest_list: ListFacts | None


def certificate_card(certificate: PublicCertificate, *, now: datetime) -> CertificateCard:
    """Return the certificate in words."""
    parsed = x509.load_der_x509_certificate(certificate.der)
    organization = _attribute(parsed.subject, NameOID.ORGANIZATION_NAME)
    ruc = certificate.institution_ruc
    state, standing = _STANDINGS[certificate.standing(now)]
    return CertificateCard(
        heading=certificate.names[0] if certificate.names else _attribute(parsed.subject, NameOID.COMMON_NAME),
        organization=organization,
        holder=organization or (f"RUC {ruc}" if ruc else certificate.authority),
        has_status=any(isinstance(each.value, x509.CRLDistributionPoints) for each in parsed.extensions),
        subject=parsed.subject.rfc4514_string(_ATTRIBUTE_NAMES),
        state=state,
        standing=standing,
        reason=REASONS.get(certificate.revocation_reason or "", ""),
        kind=_PROFILES.get(certificate.profile, certificate.profile),
        serial=certificate.serial,
        serial_spaced=spaced(certificate.serial),
        fingerprint=spaced(certificate.sha256),
        certificate=certificate,
    )


def authority_rows(
    record: AuthorityRecord,
    newest_list: ListFacts | None,
    issuer: str,
    *,
    issues: Sequence[str] = (),
    crossed: Sequence[CrossCertificate] = (),
) -> AuthorityRows:
    """Return the authority in words."""
    return AuthorityRows(
        name=record.name,
        heading=_attribute(record.certificate.subject, NameOID.COMMON_NAME),
        is_root=record.is_root,
        key=key_words(record.certificate),
        not_after=record.certificate.not_valid_after_utc,
        fingerprint=spaced(sha256_hex(record.certificate_der)),
        list_address=crl_url(issuer, record.name, FIRST_SHARD if record.is_root else FULL_LIST),
        issues=tuple(issues),
        crossed=tuple(crossed),
        newest_list=newest_list,
    )


def search_error(code: str) -> str:
    """Return why the search was not made, for the field."""
    if code == "search_too_short":
        return str(_("Escriba al menos %(number)d caracteres", number=MIN_WORDS))
    return str(_("Lo que busca es demasiado largo"))


def key_words(certificate: x509.Certificate) -> str:
    """Return the key's kind and size: ``EC P-384``, ``RSA 4096``."""
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC P-{key.curve.key_size}"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else type(key).__name__


def spaced(hexadecimal: str) -> str:
    """Return hexadecimal in groups of four, upper case: to be read aloud and compared."""
    text = hexadecimal.upper()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""
