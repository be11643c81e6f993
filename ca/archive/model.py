"""Table of the papers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class CeremonyPaper(Base):
    """What was written about a ceremony, octet by octet; its digests stand in ``ca_ceremony`` and in the event.

    ``witnesses``: name and function of each. ``certificates``: name, kind and SHA-256 of each that was made.
    """

    __tablename__ = "ca_ceremony_paper"

    ceremony_id: Mapped[str] = mapped_column(ForeignKey("ca_ceremony.id"), primary_key=True)
    place: Mapped[str] = mapped_column(String(200))
    began_at: Mapped[datetime]
    rehearsed_at: Mapped[datetime | None]  # when the same file was rehearsed; null: it was not
    witnesses: Mapped[list[Any]]
    certificates: Mapped[list[Any]]
    file: Mapped[bytes]
    minutes: Mapped[bytes]
