"""The state of one serial number, as the database has it."""

from __future__ import annotations

from sqlalchemy import Executable, select
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.revocation.ocsp_answer import CertificateStatus
from ca.revocation.reason import RevocationReason
from kernel.prefetch import among
from kernel.prepared import Prepared


def _by_serial(dialect: str) -> Executable:
    return select(
        Certificate.authority_id,
        Certificate.revoked_at,
        Certificate.revocation_reason,
        Certificate.certificate_sha256.is_not(None),
    ).where(among(dialect, Certificate.serial))


_STATUS = Prepared(_by_serial)


def read_status(session: Session, *, authority_id: str, serial: str) -> CertificateStatus:
    """Return the status of ``serial`` under the authority.

    A number that is assigned but not signed yet is not known: nobody holds the certificate. If it is revoked, it says
    so in any case.
    """
    for issuer, revoked_at, reason, signed in _STATUS.fetch(session, {"keys": [serial]}):
        if issuer == authority_id:
            if revoked_at is None:
                return CertificateStatus(known=bool(signed))
            return CertificateStatus(known=True, revoked_at=revoked_at, reason=RevocationReason(str(reason)))
    return CertificateStatus(known=False)
