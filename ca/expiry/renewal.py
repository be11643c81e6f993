"""Whether a certificate needs renewing still: a newer one for the same subject and use says no."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.profiles.registry import ProfileRegistry

_PAGE = 200
_MOST_SUCCESSORS = 50


def find_successor(session: Session, certificate: Certificate) -> str | None:
    """Return the serial of a certificate that took this one's place, or None.

    It has the same subject, profile, institution and holder, ends later, stands, and carries every name that this one
    does: a server's second certificate for fewer names replaces nothing.
    """
    same_institution: ColumnElement[bool] = (
        Certificate.institution_ruc.is_(None)
        if certificate.institution_ruc is None
        else Certificate.institution_ruc == certificate.institution_ruc
    )
    newer = session.execute(
        select(Certificate.serial, Certificate.names, Certificate.holder_id)
        .where(
            same_institution,
            Certificate.subject == certificate.subject,
            Certificate.profile == certificate.profile,
            Certificate.not_after > certificate.not_after,
            Certificate.revoked_at.is_(None),
            Certificate.certificate_der.is_not(None),
        )
        .order_by(Certificate.not_after.desc())
        .limit(_MOST_SUCCESSORS)
    )
    for serial, names, holder_id in newer:
        if holder_id == certificate.holder_id and set(certificate.names) <= set(names):
            return serial
    return None


def list_expiring(
    session: Session,
    *,
    profiles: ProfileRegistry,
    within: timedelta,
    now: datetime,
    institutions: Collection[str] | None = None,
    limit: int = 100,
) -> list[Certificate]:
    """Return standing certificates that end within a time and that no newer one replaces, the next to end first.

    Those that the service renews by itself, or that a server renews by a protocol, are left out.

    :param institutions: RUCs of those whose certificates are wanted; None: everybody's.
    """
    asked = [profile.name for profile in profiles.list() if profile.by_hand]
    query = (
        select(Certificate)
        .where(
            Certificate.not_after > now,
            Certificate.not_after <= now + within,
            Certificate.profile.in_(asked),
            Certificate.revoked_at.is_(None),
            Certificate.certificate_der.is_not(None),
        )
        .order_by(Certificate.not_after, Certificate.serial)
    )
    if institutions is not None:
        query = query.where(Certificate.institution_ruc.in_(sorted(institutions)))
    found: list[Certificate] = []
    offset = 0
    while len(found) < limit:
        page = session.scalars(query.limit(_PAGE).offset(offset)).all()
        found += [certificate for certificate in page if find_successor(session, certificate) is None]
        if len(page) < _PAGE:
            break
        offset += _PAGE
    return found[:limit]
