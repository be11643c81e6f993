"""Tables of the console: who holds which role, who is logged in, which sign-ins are on their way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class RoleAssignment(Base):
    """A role that a person holds, or held: a withdrawn one keeps its row."""

    __tablename__ = "admin_role_assignment"
    __table_args__ = (
        # One role at most once at a time; two grants at once: the second fails here.
        Index(
            "uq_admin_role_assignment_held",
            "person_id",
            "role",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    role: Mapped[str] = mapped_column(String(32))
    institution_ruc: Mapped[str | None] = mapped_column(String(13))  # null: the whole service
    granted_by: Mapped[str] = mapped_column(String(64))  # person id, or ``command``
    granted_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None] = mapped_column(String(64))
    withdrawn_at: Mapped[datetime | None]


class ConsoleSession(Base):
    """One person's session of the console. The cookie's secret is stored as its SHA-256 only.

    ``sid`` names the session at the provider in which the person logged in: when that one ends, so does this.
    """

    __tablename__ = "admin_console_session"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    sid: Mapped[str] = mapped_column(String(64), index=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    authenticated_at: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(64))
    opened_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SignInAttempt(Base):
    """A login of the console that was sent to the provider and has not come back.

    Nonce and code verifier are not here: they are derived from the secret in the browser's cookie. ``kept`` holds what
    was typed into the page that asked for a fresh login (a reason, a date), to be put back on it.
    """

    __tablename__ = "admin_sign_in_attempt"

    state_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(26), unique=True)
    browser_sha256: Mapped[str] = mapped_column(String(64))
    return_to: Mapped[str] = mapped_column(String(500))
    kept: Mapped[dict[str, Any]]
    person_id: Mapped[str | None] = mapped_column(String(26))  # who was to log in again; then who did
    started_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]


class PersonCase(Base):
    """An operator looked a person up and said why: for half an hour he may do for this person what his role allows.

    Pages about people have the case in their address and never the person, so that nobody walks from one to another.
    """

    __tablename__ = "admin_person_case"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    operator_id: Mapped[str] = mapped_column(String(26))
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    begun_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class HourCount(Base):
    """How often something happened in one hour that is over. ``counted``: the hour was looked at, with nothing too."""

    __tablename__ = "admin_hour_count"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    amount: Mapped[int]
