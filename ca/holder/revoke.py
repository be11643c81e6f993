"""A person ends a certificate of his own, after reading what will stop working."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.revocation.reason import RevocationReason
from ca.revocation.revoke import preview_revocation, revoke_certificate
from ca.services import CaServices
from kernel.errors import NotFound, Rejected

#: What a holder can say. The rest is for the authority's people.
REASONS = (
    RevocationReason.KEY_COMPROMISE.value,
    RevocationReason.CESSATION_OF_OPERATION.value,
    RevocationReason.SUPERSEDED.value,
)


@dataclass(frozen=True)
class OwnPreview:
    """What ends.

    :ivar resting: ``sessions`` and ``tokens`` by number. :ivar same_key: other certificates of the key, which stay.
    """

    serial: str
    resting: Mapping[str, int]
    same_key: int


def preview_own(session: Session, *, services: CaServices, holder_id: str, serial: str, now: datetime) -> OwnPreview:
    """Return what will stop working. :raises NotFound: (``unknown_certificate``), another's too."""
    row = _own(session, holder_id, serial)
    found = preview_revocation(session, serial=serial, reason=RevocationReason.CESSATION_OF_OPERATION.value, now=now)
    resting: Counter[str] = Counter()
    if row.certificate_sha256:
        for dependents in services.dependents:
            resting.update(dependents.count_resting(session, certificate_sha256s=[row.certificate_sha256]))
    return OwnPreview(serial, dict(resting), len(found.siblings))


def revoke_own(
    session: Session, *, services: CaServices, holder_id: str, serial: str, reason: str, now: datetime
) -> None:
    """Revoke the person's certificate for good, at the person's word.

    :raises NotFound: (``unknown_certificate``). :raises Rejected: ``unknown_revocation_reason`` for what a holder
        cannot say, ``certificate_expired``. :raises Conflict: ``already_revoked``.
    """
    _own(session, holder_id, serial)
    if reason not in REASONS:
        raise Rejected("Say why: it is one of three.", code="unknown_revocation_reason")
    revoke_certificate(session, services=services, serial=serial, reason=reason, actor=holder_id, now=now)


def _own(session: Session, holder_id: str, serial: str) -> Certificate:
    row = session.get(Certificate, serial)
    if row is None or row.holder_id != holder_id:
        raise NotFound("There is no certificate with this serial number.", code="unknown_certificate")
    return row
