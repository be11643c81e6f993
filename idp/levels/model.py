"""What a person's level of identity rests on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class LevelEvidenceRow(Base):
    """One check of who a person is, and what it was worth; what was taken back stays, with the reason.

    ``method``: see :mod:`idp.levels.evidence`. ``reference``: what the check left behind: the id of a desk's check, the
    serial of a certificate; never what was checked. ``checked_by``: a person's id, or ``command``.
    """

    __tablename__ = "idp_level_evidence"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    level: Mapped[int]
    method: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str | None] = mapped_column(String(64))
    document: Mapped[str | None] = mapped_column(String(16))
    x5t_s256: Mapped[str | None] = mapped_column(String(43), index=True)
    checked_by: Mapped[str] = mapped_column(String(64))
    established_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str | None] = mapped_column(String(64))
