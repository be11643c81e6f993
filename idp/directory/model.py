"""Table of institutions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class InstitutionRow(Base):
    """An institution of the state, by its RUC."""

    __tablename__ = "idp_institution"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    ruc: Mapped[str] = mapped_column(String(13), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    domains: Mapped[list[str]]
    networks: Mapped[list[str]] = mapped_column(
        server_default="[]"
    )  # CIDR; its certificates may name addresses in them
    active: Mapped[bool] = mapped_column(default=True)
    contact_email: Mapped[str | None] = mapped_column(String(254))  # who answers for its certificates
    created_at: Mapped[datetime]
