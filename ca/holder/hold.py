"""A person suspends a certificate of his own, and takes it up again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.revocation.hold import HeldAs, hold_certificate, release_certificate
from ca.services import CaServices
from kernel.errors import NotFound


def hold_own(session: Session, *, services: CaServices, holder_id: str, serial: str, now: datetime) -> None:
    """Suspend the person's certificate. :raises NotFound: (``unknown_certificate``), another's too.

    :raises ServiceError: as :func:`ca.revocation.hold.hold_certificate`.
    """
    _require_own(session, holder_id, serial)
    hold_certificate(session, services=services, serial=serial, actor=holder_id, held_as=HeldAs.HOLDER, now=now)


def release_own(session: Session, *, services: CaServices, holder_id: str, serial: str, now: datetime) -> None:
    """Take up again what the person suspended. The caller has seen another strong factor than this certificate.

    :raises NotFound: as above. :raises ServiceError: as :func:`ca.revocation.hold.release_certificate`.
    """
    _require_own(session, holder_id, serial)
    release_certificate(session, services=services, serial=serial, actor=holder_id, released_as=HeldAs.HOLDER, now=now)


def _require_own(session: Session, holder_id: str, serial: str) -> None:
    if session.scalar(select(Certificate.holder_id).where(Certificate.serial == serial)) != holder_id:
        raise NotFound("There is no certificate with this serial number.", code="unknown_certificate")
