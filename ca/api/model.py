"""Tables of the API."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class ApiIdempotency(Base):
    """A key that a client gave to one of its requests, so that a repetition is known as one."""

    __tablename__ = "ca_api_idempotency"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # digest of client and key
    body_sha256: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(26))
    created_at: Mapped[datetime] = mapped_column(index=True)
