"""The end of what certificates say of a person and an institution: the person does not work there any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.revocation.revoke import revoke_certificate
from ca.services import CaServices


def revoke_institutional(
    session: Session,
    *,
    services: CaServices,
    person_id: str,
    institution_ruc: str,
    reason: str,
    actor: str,
    now: datetime,
) -> int:
    """Revoke the person's living certificates that name the institution; return how many.

    Certificates that name the person alone stay: they say nothing of where he works.

    :param reason: a name of RFC 5280 §5.3.1.
    :raises ServiceError: as :func:`ca.revocation.revoke.revoke_certificate`.
    """
    serials = session.scalars(
        select(Certificate.serial)
        .where(
            Certificate.holder_id == person_id,
            Certificate.institution_ruc == institution_ruc,
            Certificate.revoked_at.is_(None),
            Certificate.not_after >= now,
        )
        .order_by(Certificate.serial)
    ).all()
    for serial in serials:
        revoke_certificate(session, services=services, serial=serial, reason=reason, actor=actor, now=now)
    return len(serials)
