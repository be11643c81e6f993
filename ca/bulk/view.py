"""Batches as the console and the command line see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ca.bulk.model import BatchApproval, BatchChunk, BatchRow, CertificateBatch
from ca.handover.model import KeyHandover
from ca.issuance.model import Certificate
from ca.requests.decide import can_be_told_apart
from ca.services import CaServices
from kernel.errors import NotFound

CHUNK_ROWS = 250


class BatchStatus(StrEnum):
    """Where a batch stands."""

    PREPARING = "preparing"  # rows are being judged
    PROPOSED = "proposed"  # waits for approvals
    APPROVED = "approved"  # is being issued
    ISSUED = "issued"
    REFUSED = "refused"
    EXPIRED = "expired"  # nobody decided in time; the file must be read anew


OPEN = (BatchStatus.PREPARING, BatchStatus.PROPOSED, BatchStatus.APPROVED)


@dataclass(frozen=True, kw_only=True)
class BatchView:
    """A batch.

    :ivar prepared: rows that were judged so far; ``ready`` of them may be issued, ``refused`` not.
    :ivar issued: rows whose certificate is recorded; ``signed``: whose certificate is there.
    :ivar proposal_sha256: an approval names it, so that what was seen is what is approved.
    """

    id: str
    file_name: str
    profile: str
    profile_title: str
    profile_version: int
    people: int
    authority_id: str
    institution_ruc: str | None
    requested_by: str
    status: BatchStatus
    row_count: int
    ready: int
    refused: int
    issued: int
    signed: int
    proposal_sha256: str | None
    approvals: tuple[str, ...]
    approvals_needed: int
    created_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    refusal_reason: str | None
    completed_at: datetime | None

    @property
    def prepared(self) -> int:
        """Rows that were judged."""
        return self.ready + self.refused

    def may_be_approved_by(self, person: str) -> bool:
        """Whether ``person`` could approve it now, as far as roles are not concerned."""
        return (
            self.status is BatchStatus.PROPOSED
            and self.ready > 0
            and person != self.requested_by
            and person not in self.approvals
            and can_be_told_apart(person, {self.requested_by, *self.approvals})
        )


@dataclass(frozen=True)
class RowView:
    """One line of the file.

    :ivar state: ``ready``, ``issued``, ``signed`` or ``refused``.
    :ivar key_made: whether the key was, or would be, made here and handed over (:mod:`ca.handover`).
    """

    line: int
    state: str
    serial: str | None
    subject: str
    institution_ruc: str | None
    code: str | None
    reason: str | None
    key_made: bool = False


def find_batch(session: Session, *, services: CaServices, batch_id: str) -> BatchView:
    """Return the batch. :raises NotFound: (``unknown_batch``)."""
    row = session.get(CertificateBatch, batch_id)
    if row is None:
        raise NotFound("There is no such batch.", code="unknown_batch")
    return view_batch(session, row, services=services)


def list_batches(
    session: Session, *, services: CaServices, institutions: tuple[str, ...] | None = None, limit: int = 100
) -> list[BatchView]:
    """Return the newest batches, of some institutions or all."""
    query = select(CertificateBatch).order_by(CertificateBatch.created_at.desc(), CertificateBatch.id.desc())
    if institutions is not None:
        query = query.where(CertificateBatch.institution_ruc.in_(institutions))
    return [view_batch(session, row, services=services) for row in session.scalars(query.limit(limit))]


def view_batch(session: Session, row: CertificateBatch, *, services: CaServices) -> BatchView:
    """Return the row as a frozen value, with how far it has come."""
    profile = services.profiles.get(row.profile)
    ready, refused = session.execute(
        select(func.coalesce(func.sum(BatchChunk.ready), 0), func.coalesce(func.sum(BatchChunk.refused), 0)).where(
            BatchChunk.batch_id == row.id
        )
    ).one()
    issued = _count(session, row, BatchRow.state == "issued")
    late = _count(session, row, BatchRow.state == "refused") - refused  # refused when issued
    signed = session.scalar(
        select(func.count())
        .select_from(BatchRow)
        .join(Certificate, Certificate.serial == BatchRow.serial)
        .where(BatchRow.batch_id == row.id, BatchRow.state == "issued", Certificate.certificate_der.is_not(None))
    )
    approvals = session.scalars(
        select(BatchApproval.approver)
        .where(BatchApproval.batch_id == row.id, BatchApproval.proposal_sha256 == row.proposal_sha256)
        .order_by(BatchApproval.approved_at, BatchApproval.id)
    )
    return BatchView(
        id=row.id,
        file_name=row.file_name,
        profile=row.profile,
        profile_title=profile.title,
        profile_version=row.profile_version,
        people=profile.people,
        authority_id=row.authority_id,
        institution_ruc=row.institution_ruc,
        requested_by=row.requested_by,
        status=BatchStatus(row.status),
        row_count=row.row_count,
        ready=ready - late,
        refused=refused + late,
        issued=issued,
        signed=signed or 0,
        proposal_sha256=row.proposal_sha256,
        approvals=tuple(approvals),
        approvals_needed=profile.approvals_needed,
        created_at=row.created_at,
        expires_at=row.expires_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        refusal_reason=row.refusal_reason,
        completed_at=row.completed_at,
    )


def list_rows(
    session: Session, *, batch_id: str, state: str | None = None, after_line: int = 0, limit: int = 1000
) -> list[RowView]:
    """Return the batch's rows after a line, in order.

    :param state: ``ready``, ``issued`` or ``refused``; None: all.
    """
    query = (
        select(BatchRow, Certificate.certificate_sha256, KeyHandover.id)
        .outerjoin(Certificate, Certificate.serial == BatchRow.serial)
        .outerjoin(KeyHandover, KeyHandover.spki_sha256 == BatchRow.spki_sha256)
        .where(BatchRow.batch_id == batch_id, BatchRow.line > after_line)
        .order_by(BatchRow.line)
        .limit(limit)
    )
    if state is not None:
        query = query.where(BatchRow.state == state)
    return [
        RowView(
            line=row.line,
            state="signed" if row.state == "issued" and digest else row.state,
            serial=row.serial,
            subject=row.subject,
            institution_ruc=row.institution_ruc,
            code=row.refused_for,
            reason=row.reason,
            key_made=handover_id is not None,
        )
        for row, digest, handover_id in session.execute(query)
    ]


def _count(session: Session, batch: CertificateBatch, condition: ColumnElement[bool]) -> int:
    return (
        session.scalar(select(func.count()).select_from(BatchRow).where(BatchRow.batch_id == batch.id, condition)) or 0
    )
