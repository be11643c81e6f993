"""The certificates of a unit, for whoever publishes them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.issuance.authority import authority_chain
from ca.issuance.model import Certificate
from ca.units.model import UnitSigner


def unit_chain(session: Session, unit_name: str) -> tuple[bytes, ...]:
    """Return the unit's newest certificate that is not revoked and those above it up to the root, DER; empty: none."""
    row = session.execute(
        select(UnitSigner.certificate_der, Certificate.authority_id)
        .join(Certificate, Certificate.serial == UnitSigner.serial)
        .where(UnitSigner.unit == unit_name, UnitSigner.certificate_der.is_not(None), Certificate.revoked_at.is_(None))
        .order_by(UnitSigner.generation.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return ()
    return (row.certificate_der, *(above.certificate_der for above in authority_chain(session, row.authority_id)))
