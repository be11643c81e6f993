"""Table of consents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class ConsentRow(Base):
    """What a person lets one application know. ``offered``: all it asked, so that none of it is asked twice."""

    __tablename__ = "idp_consent"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    scopes: Mapped[list[str]]
    offered: Mapped[list[str]]
    granted_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
