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


class SavedSearch(Base):
    """A search of the evidence that somebody keeps under a name, for himself or for those with a role of his.

    ``about_id`` is the person whom it is about: it goes when either person is erased.
    """

    __tablename__ = "admin_saved_search"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)  # whose it is
    about_id: Mapped[str | None] = mapped_column(String(26), index=True)
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str | None] = mapped_column(String(32), index=True)  # null: for its owner alone
    filters: Mapped[dict[str, Any]]  # as they stand in the address of the search
    saved_at: Mapped[datetime]


class HourCount(Base):
    """How often something happened in one hour that is over. ``counted``: the hour was looked at, with nothing too."""

    __tablename__ = "admin_hour_count"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    amount: Mapped[int]


class CertificateCount(Base):
    """How many certificates of one kind were issued that run out on one day: counted once, when their hour is over.

    ``key``: the kind of the holder's key in words. ``ends``: the end of the day (UTC) on which they run out.
    """

    __tablename__ = "admin_certificate_count"

    profile: Mapped[str] = mapped_column(String(64), primary_key=True)
    profile_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    authority_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    key: Mapped[str] = mapped_column(String(24), primary_key=True)
    ends: Mapped[datetime] = mapped_column(primary_key=True)
    amount: Mapped[int]


class ApplicationCount(Base):
    """How often something happened at one application in one hour that is over (:mod:`admin.applications.usage`)."""

    __tablename__ = "admin_application_count"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    amount: Mapped[int]


class TestPerson(Base):
    """Whose a test citizen is: the institution whose developers log in as him."""

    __tablename__ = "admin_test_person"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    institution_id: Mapped[str] = mapped_column(String(26), index=True)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]


class GoLiveRequest(Base):
    """That an application go to production: asked by who looks after it, decided by one of the provider."""

    __tablename__ = "admin_go_live_request"
    __table_args__ = (
        # One at a time waits for an application.
        Index(
            "uq_admin_go_live_request_open",
            "client_id",
            unique=True,
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), index=True)
    document_sha256: Mapped[str] = mapped_column(String(64))  # what was registered when it was asked
    asked_by: Mapped[str] = mapped_column(String(26))
    asked_at: Mapped[datetime]
    approved: Mapped[bool | None]
    reason: Mapped[str | None] = mapped_column(String(300))
    decided_by: Mapped[str | None] = mapped_column(String(26))
    decided_at: Mapped[datetime | None]


class ApplicationChange(Base):
    """A change of an application in production: proposed by who looks after it, decided by one of the provider.

    :ivar base_sha256: digest of what was registered when it was proposed. :ivar wanted_sha256: of what it becomes.
    :ivar changes: members of the registration by their names; None takes one away. :ivar before: what they were.
    :ivar ended: ``applied``, ``refused`` or ``withdrawn``; None while it waits.
    """

    __tablename__ = "admin_application_change"
    __table_args__ = (
        # One at a time waits for an application.
        Index(
            "uq_admin_application_change_open",
            "client_id",
            unique=True,
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), index=True)
    base_sha256: Mapped[str] = mapped_column(String(64))
    wanted_sha256: Mapped[str] = mapped_column(String(64))
    changes: Mapped[dict[str, Any]]
    before: Mapped[dict[str, Any]]
    undoes: Mapped[int | None]
    why: Mapped[str] = mapped_column(String(300))
    asked_by: Mapped[str] = mapped_column(String(26))
    asked_at: Mapped[datetime]
    ended: Mapped[str | None] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(300))
    decided_by: Mapped[str | None] = mapped_column(String(26))
    decided_at: Mapped[datetime | None]


class ContactCheck(Base):
    """That somebody reads the mails to a contact of an application. ``id`` names the code that was sent there."""

    __tablename__ = "admin_application_contact_check"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    address: Mapped[str] = mapped_column(String(254), primary_key=True)
    id: Mapped[str] = mapped_column(String(26), unique=True)
    asked_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class ServiceRole(Base):
    """A role of the console that an application holds for itself (``client_credentials``), for the API alone."""

    __tablename__ = "admin_service_role"
    __table_args__ = (
        Index(
            "uq_admin_service_role_held",
            "client_id",
            "role",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), index=True)
    role: Mapped[str] = mapped_column(String(32))
    institution_ruc: Mapped[str | None] = mapped_column(String(13))
    registered_by: Mapped[str | None] = mapped_column(String(64))  # who registered it: one hand with it
    granted_by: Mapped[str] = mapped_column(String(64))
    granted_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None] = mapped_column(String(64))
    withdrawn_at: Mapped[datetime | None]
