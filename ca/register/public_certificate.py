"""Certificates as everyone may see them: those that stand whole in the certificate log, and no person's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ca.issuance.authority import chain_to_offer
from ca.issuance.model import Authority, Certificate
from ca.revocation.standing import HOLD
from ca.serial import parse_serial
from ca.transparency.model import PublicListing
from kernel.errors import NotFound, Rejected


class Standing(StrEnum):
    """Whether a certificate may be relied on now."""

    VALID = "valid"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ON_HOLD = "on_hold"  # suspended: it may come back


@dataclass(frozen=True)
class PublicCertificate:
    """A public certificate.

    :ivar serial: lower-case hex. :ivar subject: RFC 4514 text. :ivar authority: short name of who issued it.
    :ivar institution_ruc: whose it is; None for those of the authority itself.
    :ivar sha256: of the DER certificate, lower-case hex. :ivar log_index: its place in the certificate log, from 0.
    """

    serial: str
    subject: str
    names: tuple[str, ...]
    profile: str
    institution_ruc: str | None
    authority: str
    authority_id: str
    crl_shard: int
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None
    revocation_reason: str | None
    sha256: str
    der: bytes
    log_index: int

    def standing(self, now: datetime) -> Standing:
        """Return whether it may be relied on at ``now``; revoked says more than expired."""
        if self.revoked_at is not None:
            return Standing.ON_HOLD if self.revocation_reason == HOLD else Standing.REVOKED
        if now > self.not_after:
            return Standing.EXPIRED
        return Standing.VALID if now >= self.not_before else Standing.NOT_YET_VALID


def find_public_certificate(session: Session, serial: str) -> PublicCertificate:
    """Return one certificate by its serial number in any usual writing.

    :raises NotFound: (``unknown_certificate``) if there is none, or it is not public: a reader cannot tell which.
    """
    try:
        stored_form = parse_serial(serial)
    except Rejected as error:
        raise _missing() from error
    found = load_public_certificates(session, [stored_form])
    if not found:
        raise _missing()
    return found[0]


def load_public_certificates(session: Session, serials: Sequence[str]) -> list[PublicCertificate]:
    """Return the public ones among these certificates, in the order in which they are named.

    :param serials: in their stored form; not more than a page of them.
    """
    rows = session.execute(_public().where(Certificate.serial.in_(serials))).all()
    found = {row[0].serial: _view(*row) for row in rows}
    return [found[serial] for serial in serials if serial in found]


def chain_of(session: Session, certificate: PublicCertificate, *, now: datetime) -> list[bytes]:
    """Return the certificate and those above it, without the root, which a verifier must have already (DER)."""
    return [certificate.der, *chain_to_offer(session, certificate.authority_id, now=now)]


def _public() -> Select[Certificate, str, int]:
    return (
        select(Certificate, Authority.name, PublicListing.log_index)
        .join(Authority, Authority.id == Certificate.authority_id)
        .join(PublicListing, PublicListing.serial == Certificate.serial)
        .where(Certificate.certificate_der.is_not(None), Certificate.holder_id.is_(None))
    )


def _missing() -> NotFound:
    return NotFound("There is no public certificate with this serial number.", code="unknown_certificate")


def _view(row: Certificate, authority: str, log_index: int) -> PublicCertificate:
    assert row.certificate_der is not None
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
        log_index=log_index,
    )
