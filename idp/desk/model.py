"""Tables of help in person: desks, and identities that were checked there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class DeskRow(Base):
    """A desk where people are helped with their account. A removed one keeps its row: acts name it."""

    __tablename__ = "idp_desk"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    institution_ruc: Mapped[str] = mapped_column(String(13), index=True)
    name: Mapped[str] = mapped_column(String(120))
    city: Mapped[str] = mapped_column(String(80))
    address: Mapped[str] = mapped_column(String(200))
    hours: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class IdentityCheckRow(Base):
    """An officer compared a person with a document, at a desk. ``state``: ``proposed``, ``done`` or ``refused``."""

    __tablename__ = "idp_identity_check"
    __table_args__ = (
        # One proposal at most waits for a second officer.
        Index(
            "uq_idp_identity_check_proposed",
            "person_id",
            unique=True,
            sqlite_where=text("state = 'proposed'"),
            postgresql_where=text("state = 'proposed'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    officer_id: Mapped[str] = mapped_column(String(26))
    desk_id: Mapped[str] = mapped_column(String(26), index=True)
    document: Mapped[str] = mapped_column(String(16))
    method: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(26))
    decided_at: Mapped[datetime | None]
