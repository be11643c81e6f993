"""The worker's part: links go out when certificates are there, and what nobody collects is destroyed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.bulk.model import BatchRow, CertificateBatch
from ca.bulk.view import BatchStatus
from ca.handover.end import end_handover
from ca.handover.model import KeyHandover
from ca.handover.view import HandoverStatus
from ca.issuance.model import Certificate
from ca.locations import PKI_PREFIX
from ca.requests.model import CertificateRequest
from ca.requests.view import Status
from ca.services import CaServices
from ca.transparency.model import CertificateLogEntry
from kernel.identifiers import new_secret, sha256_hex

TIME_TO_COME = timedelta(days=7)
TIME_TO_DECIDE = timedelta(days=10)
_PATH = f"{PKI_PREFIX}/handover"


def upkeep_handovers(services: CaServices) -> None:
    """Offer what is signed and in the public log; end what expired, was refused or was forgotten."""
    now = services.clock.now()
    with services.database.transaction() as session:
        waiting = session.execute(
            select(KeyHandover, Certificate.serial)
            .join(Certificate, Certificate.spki_sha256 == KeyHandover.spki_sha256)
            .join(CertificateLogEntry, CertificateLogEntry.id == Certificate.serial)
            .where(
                KeyHandover.status == HandoverStatus.PREPARED.value,
                Certificate.certificate_der.is_not(None),
                CertificateLogEntry.log_index.is_not(None),
            )
            .with_for_update(of=KeyHandover, skip_locked=True)
        ).all()
        for row, serial in waiting:
            _offer(session, services, row, serial, now=now)
    with services.database.transaction() as session:
        for row, reason in _lost(session, now=now):
            end_handover(session, row, services=services, reason=reason, actor="worker", now=now)


def _offer(session: Session, services: CaServices, row: KeyHandover, serial: str, *, now: datetime) -> None:
    link = new_secret()
    row.status, row.serial, row.offered_at = HandoverStatus.OFFERED.value, serial, now
    row.link_sha256, row.expires_at = sha256_hex(link), now + TIME_TO_COME
    context = {
        "kind": services.profiles.get(row.profile).title,
        "link": f"{services.settings.issuer}{_PATH}/{link}",
        "until": f"{row.expires_at:%d/%m/%Y}",
        "code_needed": "no" if row.holder_id else "yes",
    }
    letters, template = services.letters, "certificate_handover"
    reached = True
    if row.holder_id:
        reached = letters.to_person(session, row.holder_id, template=template, context=context, now=now)
    else:
        letters.to_address(session, row.email or "", template=template, context=context, now=now)
    event = Event(
        type=EventType.HANDOVER_OFFERED,
        subject=row.holder_id,
        actor="worker",
        object_id=row.id,
        details={"serial": serial},
    )
    services.journal.record(session, event, now=now)
    if not reached:
        end_handover(session, row, services=services, reason="no_address", actor="worker", now=now)


def _lost(session: Session, *, now: datetime) -> list[tuple[KeyHandover, str]]:
    expired = session.scalars(
        select(KeyHandover)
        .where(
            KeyHandover.status.in_((HandoverStatus.OFFERED.value, HandoverStatus.OPENED.value)),
            KeyHandover.expires_at <= now,
        )
        .with_for_update(skip_locked=True)
    )
    found = [(row, "expired") for row in expired]
    refused = session.scalars(
        select(KeyHandover)
        .outerjoin(CertificateRequest, CertificateRequest.id == KeyHandover.request_id)
        .outerjoin(CertificateBatch, CertificateBatch.id == KeyHandover.request_id)
        .where(
            KeyHandover.status == HandoverStatus.PREPARED.value,
            or_(
                CertificateRequest.status == Status.REFUSED.value,
                CertificateBatch.status.in_((BatchStatus.REFUSED.value, BatchStatus.EXPIRED.value)),
                # A row that was refused when it was to be issued lets go of its key.
                CertificateBatch.id.is_not(None)
                & ~exists().where(
                    BatchRow.batch_id == CertificateBatch.id, BatchRow.spki_sha256 == KeyHandover.spki_sha256
                ),
                KeyHandover.created_at <= now - TIME_TO_DECIDE,
            ),
        )
        .with_for_update(of=KeyHandover, skip_locked=True)
    )
    return [*found, *((row, "not_issued") for row in refused)]
