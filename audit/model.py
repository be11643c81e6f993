"""Tables of the evidence."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class AuditEvent(Base):
    """An event. ``leaf`` is the evidence; the other columns repeat what it says, to search by.

    ``log_index`` is null until the sequencer has put the leaf into the tree.
    """

    __tablename__ = "audit_event"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    type: Mapped[str] = mapped_column(String(64), index=True)
    occurred_at: Mapped[datetime] = mapped_column(index=True)
    outcome: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(String(64))
    subject: Mapped[str | None] = mapped_column(String(64), index=True)
    actor: Mapped[str | None] = mapped_column(String(64), index=True)
    client_id: Mapped[str | None] = mapped_column(String(64), index=True)
    session_id: Mapped[str | None] = mapped_column(String(64), index=True)
    request_id: Mapped[str | None] = mapped_column(String(64), index=True)
    object_id: Mapped[str | None] = mapped_column(String(128), index=True)
    leaf: Mapped[bytes]
    log_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)


class HolderKey(Base):
    """The key that personal data about one holder is sealed under, itself sealed by the key store's secret.

    A holder is a person's id, or ``service:YYYY-MM`` for events that no known person stands behind. Deleting the row
    makes the personal data of every event about the holder unreadable, and no proof breaks.
    """

    __tablename__ = "audit_holder_key"

    holder: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed_key: Mapped[bytes]
    created_at: Mapped[datetime]
