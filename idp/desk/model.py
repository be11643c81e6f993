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


class DeskRecoveryRow(Base):
    """An account that is given back to who has lost everything to log in with; closed in one of several ways.

    ``ready_at``: from when the code counts, set when enough officers have agreed. ``phc``, ``sealed_key``: what was
    typed and shown on the way. ``outcome``: ``finished``, ``stopped``, ``refused``, ``expired`` or ``ended``.
    """

    __tablename__ = "idp_desk_recovery"
    __table_args__ = (
        # One open recovery of a person at a time: of two at once the second fails here.
        Index(
            "uq_idp_desk_recovery_open",
            "person_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    officer_id: Mapped[str] = mapped_column(String(26))
    desk_id: Mapped[str] = mapped_column(String(26), index=True)
    document: Mapped[str] = mapped_column(String(16))
    method: Mapped[str] = mapped_column(String(16))
    lost_email: Mapped[bool]
    lost_phone: Mapped[bool]
    code_hmac: Mapped[str] = mapped_column(String(64), unique=True)
    stop_hmac: Mapped[str] = mapped_column(String(64), unique=True)
    opened_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(String(26))
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    browser_sha256: Mapped[str | None] = mapped_column(String(64))
    entered_at: Mapped[datetime | None]
    phc: Mapped[str | None] = mapped_column(String(255))
    sealed_key: Mapped[bytes | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(64))


class ReportRow(Base):
    """Somebody said "it was not me": for the security officer, who looks at it and closes it with words.

    ``number`` is what the person reads aloud; ``event_id`` what he means, null for a recovery that was stopped.
    ``rechecked_at``: he went through everything that opens his account.
    """

    __tablename__ = "idp_disowned_report"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    number: Mapped[str] = mapped_column(String(9), unique=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    event_id: Mapped[str | None] = mapped_column(String(26))
    grants_ended: Mapped[int]
    created_at: Mapped[datetime]
    rechecked_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    seen_by: Mapped[str | None] = mapped_column(String(26))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(26))
    closing_words: Mapped[str | None] = mapped_column(String(500))
