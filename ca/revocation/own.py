"""A holder's own certificates: which he has, and their end when he says so (certificate authority, line 18)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.issuance.model import Certificate
from ca.revocation.reason import RevocationReason
from ca.revocation.revoke import Revocation, revoke_certificate
from ca.revocation.standing import not_for_good
from ca.services import CaServices
from kernel.errors import NotFound, Rejected, ServiceError

#: What a holder may say; the other reasons are for those who know more than he does.
OWN_REASONS = (
    RevocationReason.KEY_COMPROMISE,
    RevocationReason.SUPERSEDED,
    RevocationReason.AFFILIATION_CHANGED,
    RevocationReason.CESSATION_OF_OPERATION,
)


@dataclass(frozen=True)
class OwnCertificate:
    """A personal certificate as its holder sees it."""

    serial: str
    subject: str
    profile: str
    not_after: datetime


def list_own_certificates(session: Session, *, person_id: str, now: datetime) -> list[OwnCertificate]:
    """Return the person's certificates that count now, the one that lasts longest first."""
    rows = session.execute(
        select(Certificate.serial, Certificate.subject, Certificate.profile, Certificate.not_after)
        .where(
            Certificate.holder_id == person_id,
            not_for_good(),
            Certificate.certificate_der.is_not(None),
            Certificate.not_after >= now,
        )
        .order_by(Certificate.not_after.desc(), Certificate.serial)
    )
    return [OwnCertificate(*row) for row in rows]


def revoke_own_certificate(
    session: Session, *, services: CaServices, serial: str, reason: str, person_id: str, now: datetime
) -> Revocation:
    """Revoke one's own certificate at once: nobody else is asked.

    :raises NotFound: (``unknown_certificate``) also for another person's, so that nobody learns whose it is.
    :raises Rejected: (``unknown_revocation_reason``), and as :func:`ca.revocation.revoke.revoke_certificate`.
    """
    holder = session.scalar(select(Certificate.holder_id).where(Certificate.serial == serial))
    if holder is None or holder != person_id:
        error = NotFound("You have no such certificate.", code="unknown_certificate")
        _refuse(session, services, error, serial=serial, reason=reason, person_id=person_id, now=now)
    if reason not in OWN_REASONS:
        refused = Rejected("Choose one of the reasons.", code="unknown_revocation_reason")
        _refuse(session, services, refused, serial=serial, reason=reason, person_id=person_id, now=now)
    return revoke_certificate(session, services=services, serial=serial, reason=reason, actor=person_id, now=now)


def _refuse(
    session: Session,
    services: CaServices,
    error: ServiceError,
    *,
    serial: str,
    reason: str,
    person_id: str,
    now: datetime,
) -> NoReturn:
    event = Event(
        type=EventType.CERTIFICATE_REVOCATION_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        actor=person_id,
        object_id=serial[:40],
        details={"revocation_reason": reason[:40]},
    )
    services.journal.refuse(session, event, error, now=now)
