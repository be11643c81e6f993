"""Tables of requests and approvals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class CertificateRequest(Base):
    """A request for a certificate, with the exact bytes that would be signed.

    ``status`` is a :class:`ca.requests.view.Status`. ``prepared_by`` is who had the present bytes built: the
    requester, or whoever built them anew after they expired; where the profile wants two
    people, neither may approve them.
    """

    __tablename__ = "ca_request"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    profile: Mapped[str] = mapped_column(String(64), index=True)
    profile_version: Mapped[int]
    authority_id: Mapped[str] = mapped_column(ForeignKey("ca_authority.id"))
    institution_ruc: Mapped[str | None] = mapped_column(String(13), index=True)
    holder_id: Mapped[str | None] = mapped_column(String(26), index=True)
    client_id: Mapped[str | None] = mapped_column(String(64))  # application that registered with this request
    requested_by: Mapped[str] = mapped_column(String(64), index=True)
    prepared_by: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(10), index=True)
    csr_der: Mapped[bytes]
    spki_sha256: Mapped[str] = mapped_column(String(64), index=True)
    inputs: Mapped[dict[str, Any]]  # what the operator typed, by the profile's fields
    serial: Mapped[str] = mapped_column(String(40), unique=True)
    subject: Mapped[str] = mapped_column(String(1000))  # RFC 4514 text
    names: Mapped[list[str]]
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    # DNS names whose control was proved for this request, beside those under the institution's domains.
    proved_names: Mapped[list[str]] = mapped_column(server_default="[]")
    tbs_der: Mapped[bytes]
    tbs_sha256: Mapped[str] = mapped_column(String(64))
    differences: Mapped[list[Any]]
    findings: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    decided_by: Mapped[str | None] = mapped_column(String(64))  # who refused, or whose approval completed the quorum
    decided_at: Mapped[datetime | None]
    refusal_reason: Mapped[str | None] = mapped_column(String(500))


class Approval(Base):
    """One person's yes to exactly these bytes."""

    __tablename__ = "ca_approval"
    __table_args__ = (UniqueConstraint("request_id", "approver", "tbs_sha256"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("ca_request.id"), index=True)
    approver: Mapped[str] = mapped_column(String(64))
    tbs_sha256: Mapped[str] = mapped_column(String(64))
    approved_at: Mapped[datetime]
