"""The decision of people: approve exactly these bytes, or refuse with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NoReturn

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.profiles.profile import Profile
from ca.requests.model import Approval, CertificateRequest
from ca.requests.text import require_plain_text
from ca.requests.view import RequestView, Status, view_request
from ca.services import CaServices
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from kernel.identifiers import new_id, sha256_hex

_COMMAND = "command:"
OPEN = (Status.SUBMITTED.value, Status.APPROVED.value)


def approve_request(
    session: Session, *, services: CaServices, request_id: str, approver: str, tbs_sha256: str, now: datetime
) -> RequestView:
    """Add one approval; the one that completes the quorum makes the request ``approved``. Signing follows the commit.

    The row is locked first, so approvals that come at once are counted one after the other and one of them, exactly,
    completes the quorum. Every refusal is on record.

    :param approver: the person's id, or ``command:LOGIN``.
    :param tbs_sha256: of the bytes that the approver saw.
    :raises NotFound: ``unknown_request``. :raises Denied: ``own_request``, ``other_channel``.
    :raises Conflict: ``request_not_open``, ``request_expired``, ``bytes_changed``, ``profile_changed``,
        ``already_approved``. :raises Rejected: ``lint_blocked``.
    """
    row = lock_request(session, request_id)
    profile = services.profiles.get(row.profile)

    def refuse(error: ServiceError) -> NoReturn:
        event = Event(
            type=EventType.CERTIFICATE_REQUEST_APPROVED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            actor=approver,
            object_id=row.id,
            details={"tbs_sha256": tbs_sha256[:64]},
        )
        services.journal.refuse(session, event, error, now=now)

    if row.status != Status.SUBMITTED:
        refuse(Conflict(f"The request does not wait for approval: it is {row.status}.", code="request_not_open"))
    if row.expires_at <= now:
        expire(session, row, services=services, now=now)
        refuse(Conflict("The request has expired; have it built anew.", code="request_expired"))
    if tbs_sha256 != row.tbs_sha256 or sha256_hex(row.tbs_der) != row.tbs_sha256:
        refuse(Conflict("What would be signed is not what you saw; read it again.", code="bytes_changed"))
    if profile.version != row.profile_version:
        refuse(Conflict("The profile has changed since; request it again.", code="profile_changed"))
    if profile.people > 1 and approver in (row.requested_by, row.prepared_by):
        refuse(Denied("Nobody approves what they requested themselves.", code="own_request"))
    approvers = _approvers(session, row)
    if profile.people > 1 and not can_be_told_apart(approver, {row.requested_by, row.prepared_by, *approvers}):
        refuse(Denied("Decide this where it was asked for: console or command line.", code="other_channel"))
    if any(item["severity"] != "notice" for item in row.findings):
        refuse(Rejected("The check before signing found something that blocks.", code="lint_blocked"))
    if approver in approvers:
        refuse(Conflict("You have approved this already; another person has to.", code="already_approved"))

    session.add(Approval(id=new_id(), request_id=row.id, approver=approver, tbs_sha256=tbs_sha256, approved_at=now))
    due = approvals_due(profile, requested_by=row.requested_by, holder_id=row.holder_id)
    complete = len(approvers) + 1 >= due
    if complete:
        row.status, row.decided_by, row.decided_at = Status.APPROVED.value, approver, now
    session.flush()
    event = Event(
        type=EventType.CERTIFICATE_REQUEST_APPROVED,
        actor=approver,
        object_id=row.id,
        details={"tbs_sha256": tbs_sha256, "quorum_complete": complete, "approvals_needed": due},
    )
    services.journal.record(session, event, now=now)
    return view_request(session, row, services=services)


def refuse_request(
    session: Session, *, services: CaServices, request_id: str, actor: str, reason: str, now: datetime
) -> RequestView:
    """Refuse an open request for good, with a reason that the requester reads. The requester may withdraw it so, too.

    :raises NotFound: ``unknown_request``. :raises Conflict: ``request_not_open``.
    :raises Rejected: if the reason is empty, has control characters or more than 500 characters.
    """
    row = lock_request(session, request_id)
    text = require_plain_text(" ".join(reason.split()), what="The reason", limit=500)
    if row.status not in (Status.SUBMITTED, Status.EXPIRED):
        raise Conflict(f"The request cannot be refused any more: it is {row.status}.", code="request_not_open")
    row.status, row.decided_by, row.decided_at, row.refusal_reason = Status.REFUSED.value, actor, now, text
    session.flush()
    event = Event(
        type=EventType.CERTIFICATE_REQUEST_REFUSED,
        actor=actor,
        object_id=row.id,
        details={"tbs_sha256": row.tbs_sha256},
        private={"reason": text},  # free text: whoever writes it may name a person
    )
    services.journal.record(session, event, now=now)
    return view_request(session, row, services=services)


def expire(session: Session, row: CertificateRequest, *, services: CaServices, now: datetime) -> None:
    """Mark an open request as expired, with its event."""
    row.status = Status.EXPIRED.value
    event = Event(type=EventType.CERTIFICATE_REQUEST_EXPIRED, object_id=row.id, details={"tbs_sha256": row.tbs_sha256})
    services.journal.record(session, event, now=now)


def expire_stale(session: Session, *, services: CaServices, now: datetime) -> int:
    """Expire every open request that is past its time; return how many."""
    rows = session.scalars(
        select(CertificateRequest)
        .where(CertificateRequest.status.in_(OPEN), CertificateRequest.expires_at <= now)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        expire(session, row, services=services, now=now)
    return len(rows)


def count_approvals(session: Session, row: CertificateRequest) -> int:
    """Return how many people approved the present bytes, whoever may not approve left out."""
    return (
        session.scalar(
            select(func.count(func.distinct(Approval.approver))).where(
                Approval.request_id == row.id, Approval.tbs_sha256 == row.tbs_sha256
            )
        )
        or 0
    )


def approvals_due(profile: Profile, *, requested_by: str, holder_id: str | None) -> int:
    """Return how many approvals a request needs: who asks for himself is none of the people who agree."""
    return profile.people if holder_id is not None and requested_by == holder_id else profile.approvals_needed


def _approvers(session: Session, row: CertificateRequest) -> set[str]:
    return set(
        session.scalars(
            select(Approval.approver).where(Approval.request_id == row.id, Approval.tbs_sha256 == row.tbs_sha256)
        )
    )


def can_be_told_apart(approver: str, others: Iterable[str]) -> bool:
    """Tell whether the names prove different people: a person of the console may well hold a login of the machine.

    Software that asked by a protocol (``est:…``) is no person, so nobody is mistaken for it.
    """
    people = [other for other in others if ":" not in other or other.startswith(_COMMAND)]
    return all(approver.startswith(_COMMAND) == other.startswith(_COMMAND) for other in people)


def lock_request(session: Session, request_id: str) -> CertificateRequest:
    """Return the row, and let nobody else decide about it before this transaction ends.

    :raises NotFound: ``unknown_request``.
    """
    row = session.scalar(
        select(CertificateRequest)
        .where(CertificateRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound("There is no such request.", code="unknown_request")
    return row
