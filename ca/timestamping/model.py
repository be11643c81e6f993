"""Tables of time-stamping."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class StampSigner(Base):
    """A key that signs time-stamps. ``generation`` counts them; the row is its winner's claim.

    ``certificate_der`` is null between the claim and the signature. ``signs_until`` ends before the certificate does: a
    stamp made on the key's last day can be checked for years (RFC 3161 §4). ``last_stamp_at`` is at most a minute
    behind the newest stamp: a clock that went back is noticed by it.
    """

    __tablename__ = "ca_stamp_signer"

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    generation: Mapped[int] = mapped_column(unique=True)
    key_name: Mapped[str] = mapped_column(String(80))
    not_before: Mapped[datetime]
    signs_until: Mapped[datetime] = mapped_column(index=True)
    certificate_der: Mapped[bytes | None]
    last_stamp_at: Mapped[datetime | None]
