"""What the authority holds about one person: certificates, requests, keys on their way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.handover.model import KeyHandover
from ca.issuance.model import Certificate
from ca.register.public_certificate import Standing
from ca.requests.model import CertificateRequest
from ca.revocation.hold import HeldAs, may_be_held
from ca.revocation.model import CertificateHold
from ca.revocation.standing import is_held
from ca.services import CaServices


@dataclass(frozen=True, kw_only=True)
class HeldCertificate:
    """A certificate of a person.

    :ivar serial: lower-case hex. :ivar kind: its profile's title, in Spanish.
    :ivar for_login: whether it logs its holder in.
    :ivar may_be_held: whether it may be suspended now. :ivar held_by_holder: whether its holder suspended it.
    :ivar sha256: of the DER certificate; None in the moment before it is signed.
    """

    serial: str
    profile: str
    kind: str
    about: str
    subject: str
    institution_ruc: str | None
    not_before: datetime
    not_after: datetime
    standing: Standing
    revoked_at: datetime | None
    revocation_reason: str | None
    for_login: bool
    sha256: str | None
    may_be_held: bool
    held_by_holder: bool


@dataclass(frozen=True, kw_only=True)
class AskedCertificate:
    """A request for a certificate of a person.

    :ivar state: of :class:`ca.requests.view.Status`. :ivar own: whether the person asked.
    :ivar key_state: of :class:`ca.handover.view.HandoverStatus`, where the key is made here.
    :ivar answer: why it was refused, as written for who asked.
    """

    id: str
    profile: str
    kind: str
    state: str
    own: bool
    key_state: str | None
    created_at: datetime
    decided_at: datetime | None
    answer: str | None


def list_held(session: Session, *, services: CaServices, holder_id: str, now: datetime) -> list[HeldCertificate]:
    """Return the person's certificates, the newest first, those that ended too."""
    rows = session.scalars(
        select(Certificate)
        .where(Certificate.holder_id == holder_id)
        .order_by(Certificate.issued_at.desc(), Certificate.serial)
    )
    holds = session.execute(
        select(CertificateHold.serial, CertificateHold.held_as)
        .join(Certificate, Certificate.serial == CertificateHold.serial)
        .where(Certificate.holder_id == holder_id, CertificateHold.ended_at.is_(None))
    )
    held_as = {row.serial: row.held_as for row in holds}
    return [_held(row, services, held_as.get(row.serial), now=now) for row in rows]


def list_asked(session: Session, *, services: CaServices, holder_id: str) -> list[AskedCertificate]:
    """Return the requests for certificates of the person, the newest first."""
    rows = session.execute(
        select(CertificateRequest, KeyHandover.status)
        .outerjoin(KeyHandover, KeyHandover.request_id == CertificateRequest.id)
        .where(CertificateRequest.holder_id == holder_id)
        .order_by(CertificateRequest.created_at.desc(), CertificateRequest.id.desc())
    )
    return [
        AskedCertificate(
            id=row.id,
            profile=row.profile,
            kind=services.profiles.get(row.profile).title,
            state=row.status,
            own=row.requested_by == holder_id,
            key_state=key_state,
            created_at=row.created_at,
            decided_at=row.decided_at,
            answer=row.refusal_reason,
        )
        for row, key_state in rows
    ]


def _held(row: Certificate, services: CaServices, held_as: str | None, *, now: datetime) -> HeldCertificate:
    profile = services.profiles.get(row.profile)
    standing = Standing.VALID if now >= row.not_before else Standing.NOT_YET_VALID
    if now > row.not_after:
        standing = Standing.EXPIRED
    if row.revoked_at is not None:
        standing = Standing.ON_HOLD if is_held(row) else Standing.REVOKED
    return HeldCertificate(
        serial=row.serial,
        profile=row.profile,
        kind=profile.title,
        about=profile.explanation,
        subject=row.subject,
        institution_ruc=row.institution_ruc,
        not_before=row.not_before,
        not_after=row.not_after,
        standing=standing,
        revoked_at=row.revoked_at,
        revocation_reason=row.revocation_reason,
        for_login="clientAuth" in [purpose.value for purpose in profile.extended_key_usage],
        sha256=row.certificate_sha256,
        may_be_held=row.revoked_at is None and row.not_after >= now and may_be_held(services, row),
        held_by_holder=held_as == HeldAs.HOLDER.value,
    )
