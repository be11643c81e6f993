"""What a crash left half done is finished: approved requests are issued, recorded certificates signed."""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import select

from ca.issuance.authority import authority_chain
from ca.issuance.issue import issue_approved
from ca.issuance.model import Authority, Certificate
from ca.issuance.record import complete_certificate
from ca.requests.decide import expire_stale
from ca.requests.model import CertificateRequest
from ca.requests.view import Status
from ca.services import CaServices
from kernel.errors import ServiceError

GRACE = timedelta(seconds=30)  # whoever recorded it is most likely about to sign
WORKER = "worker"
_log = structlog.get_logger(__name__)


def finish_issuance(services: CaServices) -> int:
    """Expire what nobody decided, issue what is approved, sign what is recorded; return how many were signed.

    Certificates under a root stay for the ceremony: its key is not here. One that fails does not stop the others.
    """
    now = services.clock.now()
    with services.database.transaction() as session:
        expire_stale(session, services=services, now=now)
    with services.database.reading() as session:
        approved = session.scalars(
            select(CertificateRequest.id).where(
                CertificateRequest.status == Status.APPROVED.value, CertificateRequest.decided_at < now - GRACE
            )
        ).all()
        unsigned = [
            (row.serial, authority_chain(session, row.authority_id)[0].key_name)
            for row in session.scalars(
                select(Certificate)
                .join(Authority, Authority.id == Certificate.authority_id)
                .where(
                    Certificate.certificate_der.is_(None),
                    Certificate.issued_at < now - GRACE,
                    Authority.issuer_id.is_not(None),
                )
            )
        ]
    done = 0
    for request_id in approved:
        try:
            issue_approved(services, request_id, now=now, actor=WORKER)
            done += 1
        except ServiceError as error:
            _log.warning("issuance_not_finished", request_id=request_id, code=error.code)
    for serial, key_name in unsigned:
        try:
            complete_certificate(
                services.database,
                serial,
                signer=services.keystore.open(key_name),
                journal=services.journal,
                actor=WORKER,
                now=now,
            )
            done += 1
        except ServiceError as error:
            _log.warning("certificate_not_signed", serial=serial, code=error.code)
    return done
