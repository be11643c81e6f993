"""Batches that people agreed to in the console, or that a killed command left behind, are finished by the worker."""

from __future__ import annotations

import structlog
from sqlalchemy import select

from ca.bulk.batch import expire_stale_batches
from ca.bulk.model import CertificateBatch
from ca.bulk.run import run_batch
from ca.bulk.view import BatchStatus
from ca.issuance.recovery import GRACE
from ca.services import CaServices
from kernel.errors import ServiceError

_log = structlog.get_logger(__name__)


def finish_batches(services: CaServices) -> None:
    """Expire what nobody decided; issue what was agreed to. Rows that were never judged wait for their file."""
    with services.database.transaction() as session:
        expire_stale_batches(session, services=services, now=services.clock.now())
    with services.database.reading() as session:
        approved = session.scalars(
            select(CertificateBatch.id).where(CertificateBatch.status == BatchStatus.APPROVED.value)
        ).all()
    for batch_id in approved:
        try:
            run_batch(services, batch_id, grace=GRACE)
        except ServiceError as error:
            _log.warning("batch_not_finished", batch_id=batch_id, code=error.code)
