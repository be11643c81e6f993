"""Agreeing to what another hand asked for: many revocations at once, and the end of a suspension."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from admin.certificate_reach import mass_revocation_reached
from admin.permissions import Permission
from admin.roles import Powers
from admin.service_roles import require_another_hand
from audit.vocabulary import EventType
from ca.issuance.model import Certificate
from ca.revocation.hold import HeldAs, Released, find_hold, release_certificate
from ca.revocation.mass.decide import MassView, approve_mass_revocation
from ca.services import CaServices


def approve_many(
    session: Session, *, services: CaServices, powers: Powers, mass_id: str, actor: str, now: datetime
) -> MassView:
    """Let it begin. :raises ServiceError: ``own_service``; as :func:`approve_mass_revocation`."""
    powers.require(Permission.CERTIFICATES_REVOKE)
    found = mass_revocation_reached(session, powers, mass_id)
    require_another_hand(
        session,
        journal=services.journal,
        kind=EventType.MASS_REVOCATION_APPROVED,
        actor=actor,
        proposers=(found.proposed_by,),
        about=found.id,
        now=now,
    )
    return approve_mass_revocation(session, services=services, mass_id=found.id, actor=actor, now=now)


def release(session: Session, *, services: CaServices, certificate: Certificate, actor: str, now: datetime) -> Released:
    """Take a certificate up again, or ask for that. :raises ServiceError: as :func:`release_certificate`."""
    held = find_hold(session, certificate.serial)
    require_another_hand(
        session,
        journal=services.journal,
        kind=EventType.CERTIFICATE_RELEASE_REFUSED,
        actor=actor,
        proposers=(held.release_asked_by,) if held and held.release_asked_by else (),
        about=certificate.serial,
        now=now,
    )
    return release_certificate(
        session,
        services=services,
        serial=certificate.serial,
        actor=actor,
        released_as=HeldAs.AUTHORITY,
        now=now,
    )
