"""Mails and short messages that had nowhere to go: kept sealed when no server is set."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class StoredMailRow(Base):
    """A mail that stays in the database because ``SAU_SMTP_URL`` is empty. The demo page shows them."""

    __tablename__ = "idp_stored_mail"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str | None] = mapped_column(String(26), index=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    sealed: Mapped[bytes]
    language: Mapped[str] = mapped_column(String(5), default="es", server_default="es")


class StoredSmsRow(Base):
    """A short message that stays in the database because ``SAU_SMS_URL`` is empty. The demo page shows them."""

    __tablename__ = "idp_stored_sms"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str | None] = mapped_column(String(26), index=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    sealed: Mapped[bytes]
