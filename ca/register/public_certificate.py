"""Certificates of institutions as everyone may see them: found by name, serial number or RUC."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, String, cast, func, or_, select
from sqlalchemy.orm import Session

from ca.issuance.authority import authority_chain
from ca.issuance.model import Authority, Certificate
from ca.serial import parse_serial
from kernel.errors import NotFound, Rejected

PAGE_SIZE = 20
MIN_WORDS = 3
MAX_WORDS = 200
# Named one by one: what is not known to be an institution's is not shown. A servant's own certificate names a person.
PUBLIC_PROFILES = ("tls-server", "tls-client", "institution-seal")


class Standing(StrEnum):
    """Whether a certificate may be relied on now."""

    VALID = "valid"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class PublicCertificate:
    """A certificate of an institution.

    :ivar serial: lower-case hex. :ivar subject: RFC 4514 text. :ivar authority: short name of who issued it.
    :ivar sha256: of the DER certificate, lower-case hex.
    """

    serial: str
    subject: str
    names: tuple[str, ...]
    profile: str
    institution_ruc: str
    authority: str
    authority_id: str
    crl_shard: int
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None
    revocation_reason: str | None
    sha256: str
    der: bytes

    def standing(self, now: datetime) -> Standing:
        """Return whether it may be relied on at ``now``; revoked says more than expired."""
        if self.revoked_at is not None:
            return Standing.REVOKED
        if now > self.not_after:
            return Standing.EXPIRED
        return Standing.VALID if now >= self.not_before else Standing.NOT_YET_VALID


@dataclass(frozen=True)
class Found:
    """One page of what was found. :ivar has_more: whether older ones follow."""

    certificates: tuple[PublicCertificate, ...]
    has_more: bool


def search_certificates(session: Session, *, words: str, page: int = 1) -> Found:
    """Return institutions' certificates, newest first, whose serial number or RUC is ``words``, or whose names or
    subject contain it.

    :param page: from 1.
    :raises Rejected: ``search_too_short``, ``search_too_long``.
    """
    words = words.strip()
    if len(words) < MIN_WORDS:
        raise Rejected(f"Write at least {MIN_WORDS} characters.", code="search_too_short")
    if len(words) > MAX_WORDS:
        raise Rejected(f"Write at most {MAX_WORDS} characters.", code="search_too_long")
    rows = session.execute(
        _public()
        .where(_matches(words))
        .order_by(Certificate.issued_at.desc(), Certificate.serial)
        .offset((page - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE + 1)
    ).all()
    return Found(tuple(_view(row[0], row[1]) for row in rows[:PAGE_SIZE]), has_more=len(rows) > PAGE_SIZE)


def find_public_certificate(session: Session, serial: str) -> PublicCertificate:
    """Return one certificate by its serial number in any usual writing.

    :raises NotFound: (``unknown_certificate``) if there is none, or it is not public: a reader cannot tell which.
    """
    missing = NotFound("There is no public certificate with this serial number.", code="unknown_certificate")
    try:
        stored_form = parse_serial(serial)
    except Rejected as error:
        raise missing from error
    row = session.execute(_public().where(Certificate.serial == stored_form)).one_or_none()
    if row is None:
        raise missing
    return _view(row[0], row[1])


def chain_of(session: Session, certificate: PublicCertificate) -> list[bytes]:
    """Return the certificate and those above it, without the root, which a verifier must have already (DER)."""
    above = authority_chain(session, certificate.authority_id)
    return [certificate.der, *(record.certificate_der for record in above if not record.is_root)]


def _public() -> Select[Certificate, str]:
    return (
        select(Certificate, Authority.name)
        .join(Authority, Authority.id == Certificate.authority_id)
        .where(
            Certificate.profile.in_(PUBLIC_PROFILES),
            Certificate.institution_ruc.is_not(None),
            Certificate.holder_id.is_(None),
            Certificate.certificate_der.is_not(None),
        )
    )


def _matches(words: str) -> ColumnElement[bool]:
    ways = [
        Certificate.institution_ruc == words,
        func.lower(Certificate.subject).contains(words.lower(), autoescape=True),
        cast(Certificate.names, String).contains(_as_name(words), autoescape=True),
    ]
    with suppress(Rejected):
        ways.append(Certificate.serial == parse_serial(words))
    return or_(*ways)


def _as_name(words: str) -> str:
    """Rows hold names as A-labels in lower case: what a reader types as ``ñ`` is looked for as ``xn--``."""
    try:
        return words.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return words.lower()


def _view(row: Certificate, authority: str) -> PublicCertificate:
    assert row.certificate_der is not None
    assert row.institution_ruc is not None
    return PublicCertificate(
        serial=row.serial,
        subject=row.subject,
        names=tuple(row.names),
        profile=row.profile,
        institution_ruc=row.institution_ruc,
        authority=authority,
        authority_id=row.authority_id,
        crl_shard=row.crl_shard,
        not_before=row.not_before,
        not_after=row.not_after,
        revoked_at=row.revoked_at,
        revocation_reason=row.revocation_reason,
        sha256=row.certificate_sha256 or "",
        der=row.certificate_der,
    )
