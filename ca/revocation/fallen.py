"""Which certificates stop counting with a revoked one: those with its key, if others have that, and all below it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from ca.issuance.model import Authority, Certificate
from ca.profiles.profile import Purpose
from ca.profiles.registry import ProfileRegistry
from ca.revocation.compromised_key import is_compromised


@dataclass(frozen=True)
class FallenCertificate:
    """A certificate that no longer counts.

    :ivar sha256: of its DER, hex; None: it was never signed.
    :ivar holder_id: the person, for a personal certificate.
    """

    serial: str
    sha256: str | None
    profile: str
    holder_id: str | None


def login_person(profiles: ProfileRegistry, certificate: FallenCertificate) -> str | None:
    """Return the person who could log in with the certificate: one for signatures opens no account."""
    purposes = profiles.get(certificate.profile).extended_key_usage if certificate.holder_id else ()
    return certificate.holder_id if Purpose.CLIENT_AUTH in purposes else None


def certificates_that_fall(session: Session, *, serial: str, now: datetime) -> list[FallenCertificate]:
    """Return the revoked certificate first, then every one that falls with it.

    That is what ``ca.register.standing`` says of them from the revocation on; here they are named, so that what rests
    on them can be ended.
    """
    revoked = session.get_one(Certificate, serial)
    fallen = [FallenCertificate(revoked.serial, revoked.certificate_sha256, revoked.profile, revoked.holder_id)]
    reasons: list[ColumnElement[bool]] = [Certificate.authority_id.in_(_authorities_below(session, revoked))]
    if is_compromised(session, revoked.spki_sha256):
        reasons.append(Certificate.spki_sha256 == revoked.spki_sha256)
    others = session.execute(
        select(Certificate.serial, Certificate.certificate_sha256, Certificate.profile, Certificate.holder_id)
        .where(
            or_(*reasons),
            Certificate.serial != revoked.serial,
            Certificate.certificate_sha256.is_not(None),
            Certificate.not_after >= now,
        )
        .order_by(Certificate.serial)
    )
    return fallen + [FallenCertificate(*row) for row in others]


def _authorities_below(session: Session, revoked: Certificate) -> set[str]:
    """Return the ids of the authority that the certificate is of, and of all below it; none if it is not of one."""
    authorities = session.execute(select(Authority.id, Authority.issuer_id, Authority.certificate_der)).all()
    below = {row.id for row in authorities if row.certificate_der == revoked.certificate_der}
    while more := {row.id for row in authorities if row.issuer_id in below} - below:
        below |= more
    return below
