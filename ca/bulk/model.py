"""Tables of batches: the batch, its chunks, its rows, and who agreed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class CertificateBatch(Base):
    """Certificates that were asked for in one file. ``status`` is a :class:`ca.bulk.view.BatchStatus`.

    :ivar content_sha256: of the file with the choices made for it: the same file goes on where it was, however often
        the command is run.
    :ivar proposal_sha256: over all to-be-signed bytes, see :mod:`ca.bulk.proposal`; what an approval is bound to.
    """

    __tablename__ = "ca_batch"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    content_sha256: Mapped[str] = mapped_column(String(64), index=True)
    file_name: Mapped[str] = mapped_column(String(200))
    profile: Mapped[str] = mapped_column(String(64))
    profile_version: Mapped[int]
    authority_id: Mapped[str] = mapped_column(ForeignKey("ca_authority.id"))
    institution_ruc: Mapped[str | None] = mapped_column(String(13), index=True)
    requested_by: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(10), index=True)
    row_count: Mapped[int]
    proposal_sha256: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None]
    refusal_reason: Mapped[str | None] = mapped_column(String(500))
    completed_at: Mapped[datetime | None]


# One run of a file at a time: a second one goes on with the first's batch.
Index(
    "uq_ca_batch_open_content",
    CertificateBatch.content_sha256,
    unique=True,
    postgresql_where=CertificateBatch.status.in_(("preparing", "proposed", "approved")),
    sqlite_where=CertificateBatch.status.in_(("preparing", "proposed", "approved")),
)


class BatchChunk(Base):
    """Some hundred rows that are stored, and later issued, together. Who inserts or updates it does the work.

    :ivar tbs_sha256: over the to-be-signed bytes of its rows, in order.
    """

    __tablename__ = "ca_batch_chunk"

    batch_id: Mapped[str] = mapped_column(ForeignKey("ca_batch.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(8))  # prepared, issued
    ready: Mapped[int]
    refused: Mapped[int]
    tbs_sha256: Mapped[str] = mapped_column(String(64))


class BatchRow(Base):
    """One line of the file, and what became of it. Signed is what its certificate's row says.

    :ivar state: ``ready``, ``issued`` (its certificate is recorded) or ``refused``,
        with ``refused_for`` (a code) and ``reason``.
    :ivar tbs_der: what would be signed, until it is recorded.
    :ivar inputs: the checked fields; the key's claim is judged by them again before it is issued.
    """

    __tablename__ = "ca_batch_row"
    __table_args__ = (UniqueConstraint("batch_id", "spki_sha256"),)

    batch_id: Mapped[str] = mapped_column(ForeignKey("ca_batch.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    chunk: Mapped[int]
    state: Mapped[str] = mapped_column(String(8))
    institution_ruc: Mapped[str | None] = mapped_column(String(13))
    holder_id: Mapped[str | None] = mapped_column(String(26))
    inputs: Mapped[dict[str, Any]]
    spki_sha256: Mapped[str | None] = mapped_column(String(64))
    serial: Mapped[str | None] = mapped_column(String(40), index=True)
    subject: Mapped[str] = mapped_column(String(1000))
    tbs_der: Mapped[bytes | None]
    refused_for: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(500))


class BatchApproval(Base):
    """One person's yes to exactly this proposal."""

    __tablename__ = "ca_batch_approval"
    __table_args__ = (UniqueConstraint("batch_id", "approver", "proposal_sha256"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("ca_batch.id"), index=True)
    approver: Mapped[str] = mapped_column(String(64))
    proposal_sha256: Mapped[str] = mapped_column(String(64))
    approved_at: Mapped[datetime]
