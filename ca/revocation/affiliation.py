"""The end of what certificates say of a person and an institution: the person does not work there any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.revocation.revoke import revoke_certificate
from ca.revocation.standing import not_for_good
from ca.services import CaServices


def revoke_institutional(
    session: Session,
    *,
    services: CaServices,
    person_id: str,
    cedula: str,
    institution_ruc: str,
    reason: str,
    actor: str,
    now: datetime,
) -> int:
    """Revoke the person's living certificates that name the institution; return how many.

    Certificates that name the person alone stay: they say nothing of where he works.

    :param cedula: 10 digits; empty for who has none.
    :param reason: a name of RFC 5280 §5.3.1.
    :raises ServiceError: as :func:`ca.revocation.revoke.revoke_certificate`.
    """
    serials = session.scalars(
        select(Certificate.serial)
        .where(
            # Signatures of office name their holder by cédula (EN 319 412-1 §5.1.3): he needs no account to have one.
            or_(Certificate.holder_id == person_id, Certificate.subject.contains(f"IDCEC-{cedula}", autoescape=True))
            if cedula
            else Certificate.holder_id == person_id,
            Certificate.institution_ruc == institution_ruc,
            not_for_good(),
            Certificate.not_after >= now,
        )
        .order_by(Certificate.serial)
    ).all()
    for serial in serials:
        revoke_certificate(session, services=services, serial=serial, reason=reason, actor=actor, now=now)
    return len(serials)
