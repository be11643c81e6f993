"""Tables of the service's own signing units."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class UnitSigner(Base):
    """A key of one unit. ``generation`` counts them; the row is its winner's claim.

    ``certificate_der`` is null between the claim and the signature. ``signs_until`` may end before the certificate
    does: a stamp made on the key's last day can be checked for years (RFC 3161 §4). ``last_stamp_at`` is at most a
    minute behind the newest stamp: a clock that went back is noticed by it.
    """

    __tablename__ = "ca_unit_signer"
    __table_args__ = (UniqueConstraint("unit", "generation"),)

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    unit: Mapped[str] = mapped_column(String(16))
    generation: Mapped[int]
    key_name: Mapped[str] = mapped_column(String(80))
    not_before: Mapped[datetime]
    signs_until: Mapped[datetime] = mapped_column(index=True)
    certificate_der: Mapped[bytes | None]
    last_stamp_at: Mapped[datetime | None]
