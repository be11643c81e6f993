"""Tables of enrolment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class EnrolmentCredential(Base):
    """What an operator gave an institution so that its machines enrol: a reference and a secret.

    EST is shown the secret, so its digest is enough. CMP proves it by a MAC that we must compute as well: there it is
    kept sealed.
    """

    __tablename__ = "ca_enrolment_credential"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)  # public: user name (EST), senderKID (CMP)
    protocol: Mapped[str] = mapped_column(String(8))
    secret_sha256: Mapped[str] = mapped_column(String(64))
    secret_sealed: Mapped[bytes | None]
    institution_ruc: Mapped[str] = mapped_column(String(13), index=True)
    profile: Mapped[str] = mapped_column(String(64))
    names: Mapped[list[str]]  # the only names that it may ask for; none: every one of the institution
    inputs: Mapped[dict[str, Any]]
    uses_left: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
