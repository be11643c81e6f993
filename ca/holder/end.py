"""All of a person's certificates end with the person's account."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.handover.end import end_handover
from ca.handover.model import KeyHandover
from ca.handover.view import HandoverStatus
from ca.issuance.model import Certificate
from ca.requests.decide import refuse_request
from ca.requests.model import CertificateRequest
from ca.requests.view import Status
from ca.revocation.reason import RevocationReason
from ca.revocation.revoke import revoke_certificate
from ca.revocation.standing import not_for_good
from ca.services import CaServices

_ON_THEIR_WAY = (HandoverStatus.PREPARED.value, HandoverStatus.OFFERED.value, HandoverStatus.OPENED.value)


def end_all(session: Session, *, services: CaServices, holder_id: str, actor: str, now: datetime) -> None:
    """Refuse what the person still asks for, destroy keys on their way, revoke what is valid; each on record."""
    asked = session.scalars(
        select(CertificateRequest.id).where(
            CertificateRequest.holder_id == holder_id,
            CertificateRequest.status.in_((Status.SUBMITTED.value, Status.EXPIRED.value)),
        )
    ).all()
    for request_id in asked:
        refuse_request(
            session, services=services, request_id=request_id, actor=actor, reason="Account erased.", now=now
        )
    keys = session.scalars(
        select(KeyHandover)
        .where(KeyHandover.holder_id == holder_id, KeyHandover.status.in_(_ON_THEIR_WAY))
        .with_for_update()
    ).all()
    for row in keys:
        end_handover(session, row, services=services, reason="account_erased", actor=actor, now=now)
    serials = session.scalars(
        select(Certificate.serial)
        .where(Certificate.holder_id == holder_id, not_for_good(), Certificate.not_after >= now)
        .order_by(Certificate.serial)
    ).all()
    for serial in serials:
        revoke_certificate(
            session,
            services=services,
            serial=serial,
            reason=RevocationReason.CESSATION_OF_OPERATION.value,
            actor=actor,
            now=now,
        )
