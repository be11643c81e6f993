"""Tables of CMP."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class CmpTransaction(Base):
    """One transaction of one sender: what was asked, and which nonce of ours its next message must answer.

    Its name is the digest of sender and transactionID, so nobody takes up another's, and a request that comes twice is
    a replay. ``state``: ``begun``, ``waiting`` (two people), ``sent`` (certConf is to come), ``done``, ``overdue`` (it
    never came: the certificate was revoked).
    """

    __tablename__ = "ca_cmp_transaction"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    sender: Mapped[str] = mapped_column(String(64))
    request_type: Mapped[str] = mapped_column(String(8))
    request_id: Mapped[str | None] = mapped_column(ForeignKey("ca_request.id"))
    state: Mapped[str] = mapped_column(String(8))
    nonce: Mapped[str | None] = mapped_column(String(64))  # ours, hex: the next message's recipNonce
    created_at: Mapped[datetime] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]  # when the certificate was sent that is to be confirmed


Index(
    "ix_ca_cmp_transaction_sent",
    CmpTransaction.sent_at,
    postgresql_where=CmpTransaction.state == "sent",
    sqlite_where=CmpTransaction.state == "sent",
)
