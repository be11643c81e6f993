"""Requests as the console and the command line see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.lints.finding import Finding
from ca.requests.difference import Difference
from ca.requests.model import Approval, CertificateRequest
from ca.services import CaServices
from kernel.errors import NotFound


class Status(StrEnum):
    """Where a request stands."""

    SUBMITTED = "submitted"  # waits for approvals
    APPROVED = "approved"  # waits for the signature, a moment
    REFUSED = "refused"
    ISSUED = "issued"
    EXPIRED = "expired"  # nobody decided in time; the bytes must be built anew


@dataclass(frozen=True)
class ApprovalView:
    """One approval of the present bytes."""

    approver: str
    approved_at: datetime


@dataclass(frozen=True, kw_only=True)
class RequestView:
    """A request.

    :ivar serial: of the certificate that it becomes.
    :ivar tbs_sha256: an approval names it, so that what was seen is what is approved.
    :ivar approvals: of the present bytes; ``approvals_needed`` of them complete the quorum.
    :ivar refusal_reason: as written by who refused, or the code of what stopped the issuance.
    """

    id: str
    profile: str
    profile_title: str
    profile_version: int
    people: int
    institution_ruc: str | None
    holder_id: str | None
    requested_by: str
    prepared_by: str
    status: Status
    subject: str
    names: tuple[str, ...]
    serial: str
    tbs_sha256: str
    tbs_der: bytes
    csr_der: bytes
    spki_sha256: str
    inputs: dict[str, str]
    not_before: datetime
    not_after: datetime
    created_at: datetime
    expires_at: datetime
    approvals: tuple[ApprovalView, ...]
    approvals_needed: int
    differences: tuple[Difference, ...]
    findings: tuple[Finding, ...]
    decided_by: str | None
    decided_at: datetime | None
    refusal_reason: str | None

    @property
    def is_blocked(self) -> bool:
        """Whether a lint stops it whatever people say."""
        return any(finding.severity.blocks for finding in self.findings)

    def may_be_approved_by(self, person: str) -> bool:
        """Whether ``person`` could approve it now, as far as roles are not concerned."""
        return (
            self.status is Status.SUBMITTED
            and not self.is_blocked
            and (self.people == 1 or person not in (self.requested_by, self.prepared_by))
            and person not in {approval.approver for approval in self.approvals}
        )


def find_request(session: Session, *, services: CaServices, request_id: str) -> RequestView:
    """Return the request. :raises NotFound: (``unknown_request``)."""
    row = session.get(CertificateRequest, request_id)
    if row is None:
        raise NotFound("There is no such request.", code="unknown_request")
    return view_request(session, row, services=services)


def list_requests(
    session: Session, *, services: CaServices, status: Status | None = None, limit: int = 100
) -> list[RequestView]:
    """Return the newest requests, of one status or all."""
    query = select(CertificateRequest).order_by(CertificateRequest.created_at.desc(), CertificateRequest.id.desc())
    if status is not None:
        query = query.where(CertificateRequest.status == status.value)
    return [view_request(session, row, services=services) for row in session.scalars(query.limit(limit))]


def view_request(session: Session, row: CertificateRequest, *, services: CaServices) -> RequestView:
    """Return the row as a frozen value, with the approvals of its present bytes."""
    profile = services.profiles.get(row.profile)
    approvals = session.scalars(
        select(Approval)
        .where(Approval.request_id == row.id, Approval.tbs_sha256 == row.tbs_sha256)
        .order_by(Approval.approved_at, Approval.id)
    )
    return RequestView(
        id=row.id,
        profile=row.profile,
        profile_title=profile.title,
        profile_version=row.profile_version,
        people=profile.people,
        institution_ruc=row.institution_ruc,
        holder_id=row.holder_id,
        requested_by=row.requested_by,
        prepared_by=row.prepared_by,
        status=Status(row.status),
        subject=row.subject,
        names=tuple(row.names),
        serial=row.serial,
        tbs_sha256=row.tbs_sha256,
        tbs_der=row.tbs_der,
        csr_der=row.csr_der,
        spki_sha256=row.spki_sha256,
        inputs=dict(row.inputs),
        not_before=row.not_before,
        not_after=row.not_after,
        created_at=row.created_at,
        expires_at=row.expires_at,
        approvals=tuple(ApprovalView(item.approver, item.approved_at) for item in approvals),
        approvals_needed=(
            # Who asks for himself is none of the people who agree: ca.requests.decide.approvals_due.
            profile.people if row.holder_id and row.requested_by == row.holder_id else profile.approvals_needed
        ),
        differences=tuple(Difference.from_json(item) for item in row.differences),
        findings=tuple(Finding.from_json(item) for item in row.findings),
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        refusal_reason=row.refusal_reason,
    )
