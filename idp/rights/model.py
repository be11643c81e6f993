"""Tables of rights: what applications declare, who belongs to which institution, and who holds what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class RightsDeclarationRow(Base):
    """What one application declared last; its roles and permissions stand in tables of their own.

    ``open_to_all``: every institution may use it; otherwise those of :class:`RoleOfferRow`, and its own.
    """

    __tablename__ = "idp_rights_declaration"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    open_to_all: Mapped[bool]
    version: Mapped[int]
    declared_by: Mapped[str] = mapped_column(String(64))
    declared_at: Mapped[datetime]


class PermissionRow(Base):
    """Something that can be done in an application: ``resource_type:action``, with the words that people read."""

    __tablename__ = "idp_permission"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    words: Mapped[dict[str, Any]]  # by language


class RoleRow(Base):
    """A named set of permissions of one application. A retired one gives nothing and keeps its row: holdings name it.

    ``excludes``: names of roles of the same application that nobody holds beside this one.
    """

    __tablename__ = "idp_role"
    __table_args__ = (
        # Declared again after it was retired, it is another role: who held the old one does not hold it.
        Index(
            "uq_idp_role_declared",
            "client_id",
            "name",
            unique=True,
            sqlite_where=text("retired_at IS NULL"),
            postgresql_where=text("retired_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(64))
    words: Mapped[dict[str, Any]]
    permissions: Mapped[list[str]]
    needs_approval: Mapped[bool]
    sensitive: Mapped[bool]
    max_days: Mapped[int | None]
    excludes: Mapped[list[str]]
    declared_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class RoleOfferRow(Base):
    """An institution that may use an application, hence assign its roles."""

    __tablename__ = "idp_role_offer"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    institution_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    offered_by: Mapped[str] = mapped_column(String(64))
    offered_at: Mapped[datetime]


class BelongingRow(Base):
    """A person who works at an institution. Who left keeps the row.

    ``source``: ``manual``, ``directory``, ``provider`` or ``scim``; ``external_id`` and ``user_name``: what the
    institution's own system calls the person. ``version`` grows with every change.
    """

    __tablename__ = "idp_belonging"
    __table_args__ = (
        Index(
            "uq_idp_belonging_standing",
            "institution_id",
            "person_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_idp_belonging_external", "institution_id", "external_id"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    institution_id: Mapped[str] = mapped_column(String(26))
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    post: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(16))
    external_id: Mapped[str | None] = mapped_column(String(200))
    user_name: Mapped[str | None] = mapped_column(String(200))
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    version: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(64))
    ended_reason: Mapped[str | None] = mapped_column(String(64))


class AssignmentRow(Base):
    """A role that an institution gave, or proposes to give, to one of its people.

    ``status``: ``pending``, ``active``, ``refused`` or ``ended``. ``proposal_sha256``: of exactly what was proposed;
    whoever approves it approves that. Whether it counts at a moment is asked of the dates too. ``source_id``: the
    directory or provider whose group gave it, none where a person did; it counts until ``kept_until`` unless the person
    comes from there again.
    """

    __tablename__ = "idp_role_assignment"
    __table_args__ = (
        Index(
            "uq_idp_role_assignment_standing",
            "role_id",
            "institution_id",
            "person_id",
            unique=True,
            sqlite_where=text("status IN ('pending', 'active')"),
            postgresql_where=text("status IN ('pending', 'active')"),
        ),
        Index("ix_idp_role_assignment_of", "person_id", "client_id"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    role_id: Mapped[str] = mapped_column(String(26), index=True)
    client_id: Mapped[str] = mapped_column(String(64), index=True)
    institution_id: Mapped[str] = mapped_column(String(26), index=True)
    person_id: Mapped[str] = mapped_column(String(26))
    belonging_id: Mapped[str] = mapped_column(String(26), index=True)
    status: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(500))
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    proposal_sha256: Mapped[str] = mapped_column(String(64))
    proposed_by: Mapped[str] = mapped_column(String(64))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(64))
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None] = mapped_column(String(500))
    last_used_at: Mapped[datetime | None]
    source_id: Mapped[str | None] = mapped_column(String(26), index=True)
    kept_until: Mapped[datetime | None]


class GroupRoleRow(Base):
    """What a group is worth that an institution's directory or provider tells of: a role of an application.

    ``source_id``: of the directory or provider. ``group_name``: a distinguished name in its plain form, or the text in
    the provider's claim.
    """

    __tablename__ = "idp_group_role"
    __table_args__ = (UniqueConstraint("source_id", "group_name", "role_id"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(26), index=True)
    group_name: Mapped[str] = mapped_column(String(500))
    role_id: Mapped[str] = mapped_column(String(26), index=True)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class DelegationRow(Base):
    """A role that somebody may give, or approve, within one institution."""

    __tablename__ = "idp_delegation"
    __table_args__ = (
        Index(
            "uq_idp_delegation_standing",
            "institution_id",
            "person_id",
            "role_id",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    institution_id: Mapped[str] = mapped_column(String(26))
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    role_id: Mapped[str] = mapped_column(String(26))
    may_assign: Mapped[bool]
    may_approve: Mapped[bool]
    granted_by: Mapped[str] = mapped_column(String(64))
    granted_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None] = mapped_column(String(64))
    withdrawn_at: Mapped[datetime | None]
