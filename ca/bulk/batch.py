"""The life of a batch: opened, proposed, agreed to or refused, completed."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.bulk.model import BatchApproval, BatchChunk, BatchRow, CertificateBatch
from ca.bulk.proposal import proposal_sha256
from ca.bulk.table_file import TableFile
from ca.bulk.view import CHUNK_ROWS, OPEN, BatchStatus, BatchView, view_batch
from ca.issuance.authority import issuing_authority
from ca.issuance.model import Certificate
from ca.profiles.profile import Profile
from ca.requests.decide import can_be_told_apart
from ca.requests.submit import DECISION_LIFETIME
from ca.requests.text import require_plain_text
from ca.services import CaServices
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from kernel.identifiers import new_id, sha256_hex


def content_digest(table: TableFile, *, profile: Profile, institution_ruc: str | None) -> str:
    """Return what tells one batch from another: the file's octets and the choices made for it; SHA-256, hex."""
    return sha256_hex(f"{table.content_sha256} {profile.name} {institution_ruc or '-'}")


def open_batch(
    session: Session,
    *,
    services: CaServices,
    table: TableFile,
    profile: str,
    institution_ruc: str | None,
    requested_by: str,
    again: bool = False,
    now: datetime,
) -> BatchView:
    """Return the batch of this file: the one that is under way or was completed, else a new one.

    Where the profile lets one person do it, the batch is approved from the start; its rows are issued as they are
    judged.

    :param again: begin a new one although the file was issued before.
    :raises NotFound: ``unknown_profile``, ``unknown_institution``, ``unknown_authority``.
    :raises Rejected: ``profile_not_requestable``. :raises Denied: (``not_yours``) if another person began it.
    """
    chosen = services.profiles.get(profile)
    if not chosen.by_hand:
        raise Rejected(f"Profile {profile} is not asked for by hand.", code="profile_not_requestable")
    digest = content_digest(table, profile=chosen, institution_ruc=institution_ruc)
    statuses = [status.value for status in (OPEN if again else (*OPEN, BatchStatus.ISSUED))]
    found = session.scalars(
        select(CertificateBatch)
        .where(CertificateBatch.content_sha256 == digest, CertificateBatch.status.in_(statuses))
        .order_by(CertificateBatch.created_at.desc(), CertificateBatch.id.desc())
    ).first()
    if found is not None:
        if found.status != BatchStatus.ISSUED and found.requested_by != requested_by:
            raise Denied("Another person began this batch; it is theirs to go on with.", code="not_yours")
        return view_batch(session, found, services=services)
    if institution_ruc:
        services.institutions.find(session, institution_ruc)
    alone = chosen.people == 1
    row = CertificateBatch(
        id=new_id(),
        content_sha256=digest,
        file_name=table.name[:200],
        profile=chosen.name,
        profile_version=chosen.version,
        authority_id=issuing_authority(session, chosen).id,
        institution_ruc=institution_ruc,
        requested_by=requested_by,
        status=(BatchStatus.APPROVED if alone else BatchStatus.PREPARING).value,
        row_count=table.row_count,
        created_at=now,
        expires_at=now + DECISION_LIFETIME,
        decided_by=requested_by if alone else None,
        decided_at=now if alone else None,
    )
    session.add(row)
    session.flush()
    _record(
        session,
        services,
        row,
        EventType.BATCH_OPENED,
        actor=requested_by,
        now=now,
        details={"file_sha256": table.content_sha256, "rows": table.row_count, "people": chosen.people},
    )
    return view_batch(session, row, services=services)


def propose_batch(session: Session, *, services: CaServices, batch_id: str, now: datetime) -> BatchView:
    """Fix the proposal once every row was judged; a second time changes nothing.

    :raises Conflict: (``not_prepared``) if rows are missing.
    """
    row = lock_batch(session, batch_id)
    if row.status == BatchStatus.PREPARING:
        judged = session.scalar(select(func.count()).select_from(BatchRow).where(BatchRow.batch_id == row.id))
        if judged != row.row_count:
            raise Conflict("Not every row was judged yet.", code="not_prepared")
        row.status, row.proposal_sha256 = BatchStatus.PROPOSED.value, proposal_sha256(session, row)
        row.expires_at = row.created_at + DECISION_LIFETIME
        session.flush()
        view = view_batch(session, row, services=services)
        _record(
            session,
            services,
            row,
            EventType.BATCH_PROPOSED,
            actor=row.requested_by,
            now=now,
            details={"proposal_sha256": row.proposal_sha256, "ready": view.ready, "refused": view.refused},
        )
    return view_batch(session, row, services=services)


def approve_batch(
    session: Session, *, services: CaServices, batch_id: str, approver: str, proposal: str, now: datetime
) -> BatchView:
    """Add one approval of the whole batch; the one that completes the quorum lets it be issued. Refusals are on record.

    :param proposal: the digest that the approver saw.
    :raises NotFound: ``unknown_batch``. :raises Denied: ``own_request``, ``other_channel``.
    :raises Conflict: ``request_not_open``, ``request_expired``, ``bytes_changed``, ``profile_changed``,
        ``already_approved``. :raises Rejected: ``nothing_to_issue``.
    """
    row = lock_batch(session, batch_id)
    profile = services.profiles.get(row.profile)

    def refuse(error: ServiceError) -> NoReturn:
        event = Event(
            type=EventType.BATCH_APPROVED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            actor=approver,
            object_id=row.id,
            details={"proposal_sha256": proposal[:64]},
        )
        services.journal.refuse(session, event, error, now=now)

    if row.status != BatchStatus.PROPOSED:
        refuse(Conflict(f"The batch does not wait for approval: it is {row.status}.", code="request_not_open"))
    if row.expires_at <= now:
        _expire(session, row, services=services, now=now)
        refuse(Conflict("The batch has expired; run its file again.", code="request_expired"))
    if proposal != row.proposal_sha256 or proposal_sha256(session, row) != row.proposal_sha256:
        refuse(Conflict("What would be signed is not what you saw; read it again.", code="bytes_changed"))
    if profile.version != row.profile_version:
        refuse(Conflict("The profile has changed since; run the file again.", code="profile_changed"))
    approvers = set(count_approvers(session, row))
    if approver == row.requested_by:
        refuse(Denied("Nobody approves what they requested themselves.", code="own_request"))
    if not can_be_told_apart(approver, {row.requested_by, *approvers}):
        refuse(Denied("Decide this where it was asked for: console or command line.", code="other_channel"))
    if approver in approvers:
        refuse(Conflict("You have approved this already; another person has to.", code="already_approved"))
    view = view_batch(session, row, services=services)
    if not view.ready:
        refuse(Rejected("No row of the batch can be issued.", code="nothing_to_issue"))
    session.add(
        BatchApproval(id=new_id(), batch_id=row.id, approver=approver, proposal_sha256=proposal, approved_at=now)
    )
    complete = len(approvers) + 1 >= profile.approvals_needed
    if complete:
        row.status, row.decided_by, row.decided_at = BatchStatus.APPROVED.value, approver, now
    session.flush()
    _record(
        session,
        services,
        row,
        EventType.BATCH_APPROVED,
        actor=approver,
        now=now,
        details={"proposal_sha256": proposal, "quorum_complete": complete, "ready": view.ready},
    )
    return view_batch(session, row, services=services)


def refuse_batch(
    session: Session, *, services: CaServices, batch_id: str, actor: str, reason: str, now: datetime
) -> BatchView:
    """Refuse an undecided batch for good; whoever requested it may withdraw it so, too.

    :raises NotFound: ``unknown_batch``. :raises Conflict: ``request_not_open``. :raises Rejected: a bad reason.
    """
    row = lock_batch(session, batch_id)
    text = require_plain_text(" ".join(reason.split()), what="The reason", limit=500)
    if row.status not in (BatchStatus.PREPARING, BatchStatus.PROPOSED):
        raise Conflict(f"The batch cannot be refused any more: it is {row.status}.", code="request_not_open")
    row.status, row.decided_by, row.decided_at, row.refusal_reason = BatchStatus.REFUSED.value, actor, now, text
    session.flush()
    event = Event(type=EventType.BATCH_REFUSED, actor=actor, object_id=row.id, private={"reason": text})
    services.journal.record(session, event, now=now)
    return view_batch(session, row, services=services)


def complete_batch(session: Session, *, services: CaServices, batch_id: str, now: datetime) -> BatchView:
    """Close a batch whose rows are all refused or signed; else, or a second time, nothing happens."""
    row = lock_batch(session, batch_id)
    view = view_batch(session, row, services=services)
    done = view.refused + view.signed == row.row_count
    if row.status == BatchStatus.APPROVED and done:
        row.status, row.completed_at = BatchStatus.ISSUED.value, now
        session.flush()
        _record(
            session,
            services,
            row,
            EventType.BATCH_COMPLETED,
            actor=row.requested_by,
            now=now,
            details={"issued": view.signed, "refused": view.refused},
        )
        view = view_batch(session, row, services=services)
    return view


def expire_stale_batches(session: Session, *, services: CaServices, now: datetime) -> int:
    """Expire batches that nobody decided in time; return how many. An approved one is finished, however late."""
    rows = session.scalars(
        select(CertificateBatch)
        .where(
            CertificateBatch.status.in_((BatchStatus.PREPARING.value, BatchStatus.PROPOSED.value)),
            CertificateBatch.expires_at <= now,
        )
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        _expire(session, row, services=services, now=now)
    return len(rows)


def count_approvers(session: Session, batch: CertificateBatch) -> list[str]:
    """Return who approved the present proposal."""
    return list(
        session.scalars(
            select(BatchApproval.approver).where(
                BatchApproval.batch_id == batch.id, BatchApproval.proposal_sha256 == batch.proposal_sha256
            )
        )
    )


def unsigned_serials(session: Session, *, batch_id: str, before: datetime, limit: int = CHUNK_ROWS) -> dict[str, bytes]:
    """Return to-be-signed bytes by serial of rows that were recorded before a moment and wait for their signature."""
    rows = session.execute(
        select(Certificate.serial, Certificate.tbs_der)
        .join(BatchRow, BatchRow.serial == Certificate.serial)
        .where(BatchRow.batch_id == batch_id, BatchRow.state == "issued", Certificate.certificate_der.is_(None))
        .where(Certificate.issued_at <= before)
        .limit(limit)
    )
    return {serial: tbs_der for serial, tbs_der in rows}  # noqa: C416 - rows are no pairs to a type checker


def chunk_numbers(session: Session, *, batch_id: str, state: str | None = None) -> set[int]:
    """Return the numbers of the chunks that are stored, in one state or any."""
    query = select(BatchChunk.number).where(BatchChunk.batch_id == batch_id)
    if state is not None:
        query = query.where(BatchChunk.state == state)
    return set(session.scalars(query))


def _expire(session: Session, row: CertificateBatch, *, services: CaServices, now: datetime) -> None:
    row.status = BatchStatus.EXPIRED.value
    # The bytes are too old to be signed ever: what they hold of people need not stay.
    session.execute(update(BatchRow).where(BatchRow.batch_id == row.id).values(tbs_der=None))
    event = Event(type=EventType.BATCH_EXPIRED, object_id=row.id)
    services.journal.record(session, event, now=now)


def _record(
    session: Session,
    services: CaServices,
    row: CertificateBatch,
    kind: EventType,
    *,
    actor: str,
    now: datetime,
    details: dict[str, str | int | bool | None],
) -> None:
    shared: dict[str, str | int | bool | None] = {
        "profile": row.profile,
        "profile_version": row.profile_version,
        "institution_ruc": row.institution_ruc,
    }
    event = Event(type=kind, actor=actor, object_id=row.id, details={**shared, **details})
    services.journal.record(session, event, now=now)


def lock_batch(session: Session, batch_id: str) -> CertificateBatch:
    """Return the row, and let nobody else decide about it before this transaction ends.

    :raises NotFound: ``unknown_batch``.
    """
    row = session.scalar(
        select(CertificateBatch)
        .where(CertificateBatch.id == batch_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound("There is no such batch.", code="unknown_batch")
    return row
