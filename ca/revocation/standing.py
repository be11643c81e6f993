"""What the columns of a certificate's row say of its standing, as conditions and as answers."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_

from ca.issuance.model import Certificate
from ca.revocation.reason import RevocationReason

HOLD = RevocationReason.CERTIFICATE_HOLD.value


def not_for_good() -> ColumnElement[bool]:
    """Certificates that count or may count again: not revoked, or on hold. What ends for good ends these."""
    return or_(Certificate.revoked_at.is_(None), Certificate.revocation_reason == HOLD)


def is_held(certificate: Certificate) -> bool:
    """Tell whether the certificate is suspended."""
    return certificate.revoked_at is not None and certificate.revocation_reason == HOLD
