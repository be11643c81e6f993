"""Certificates that a client never confirmed (RFC 4210 §5.3.18): nobody knows whether anyone has them."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update

from ca.cmp.model import CmpTransaction
from ca.issuance.model import Certificate
from ca.revocation.revoke import revoke_certificate
from ca.services import CaServices
from kernel.errors import ServiceError

#: For so long a confirmation may be on its way; clients send it with the answer in hand.
CONFIRM_WAIT = timedelta(minutes=10)
_AT_ONCE = 100
_ACTOR = "cmp"

_log = structlog.get_logger("ca.cmp")


def revoke_unconfirmed(services: CaServices, *, now: datetime) -> int:
    """Revoke what was sent and not confirmed in time, each once; return how many.

    A client that asked not to have to confirm (implicitConfirm) has nothing to be late with.
    """
    with services.database.reading() as session:
        due = session.scalars(
            select(CmpTransaction.id)
            .where(CmpTransaction.state == "sent", CmpTransaction.sent_at <= now - CONFIRM_WAIT)
            .limit(_AT_ONCE)
        ).all()
    done = 0
    for transaction_id in due:
        try:
            done += _revoke(services, transaction_id, now=now)
        except ServiceError as error:
            _log.warning("unconfirmed_not_revoked", code=error.code)
    return done


def _revoke(services: CaServices, transaction_id: str, *, now: datetime) -> bool:
    with services.database.transaction() as session:
        request_id = session.execute(
            update(CmpTransaction)
            .where(CmpTransaction.id == transaction_id, CmpTransaction.state == "sent")
            .values(state="overdue", nonce=None)
            .returning(CmpTransaction.request_id)
            .execution_options(synchronize_session=False)
        ).scalar_one_or_none()
        row = session.scalar(select(Certificate).where(Certificate.request_id == request_id)) if request_id else None
        if row is None or row.revoked_at is not None:
            return False
        reason = "cessationOfOperation"
        revoke_certificate(session, services=services, serial=row.serial, reason=reason, actor=_ACTOR, now=now)
    return True
