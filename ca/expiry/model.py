"""Table of notices: what was announced is not announced again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class ExpiryNotice(Base):
    """One step of one certificate's countdown, taken by whoever inserted it.

    :ivar days: the step, e.g. 30. :ivar outcome: ``mailed``, ``nobody`` (no address is known) or ``renewed``.
    """

    __tablename__ = "ca_expiry_notice"

    serial: Mapped[str] = mapped_column(ForeignKey("ca_certificate.serial"), primary_key=True)
    days: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outcome: Mapped[str] = mapped_column(String(8))
    announced_at: Mapped[datetime]
