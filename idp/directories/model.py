"""Tables of institutions' directories and of the people who come from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class DirectoryRow(Base):
    """A directory of an institution: see :class:`idp.directories.directory.Directory`."""

    __tablename__ = "idp_ldap_directory"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    institution_id: Mapped[str] = mapped_column(String(26), index=True)
    domains: Mapped[list[str]]
    urls: Mapped[list[str]]
    ca_pem: Mapped[str | None] = mapped_column(Text)
    bind_dn: Mapped[str | None] = mapped_column(String(500))
    sealed_password: Mapped[bytes | None]
    bind_file: Mapped[str | None] = mapped_column(String(500))
    bind_template: Mapped[str | None] = mapped_column(String(500))
    search_base: Mapped[str] = mapped_column(String(500))
    username_filter: Mapped[str] = mapped_column(String(1000))
    cedula_filter: Mapped[str] = mapped_column(String(1000))
    attributes: Mapped[dict[str, Any]]
    creates_people: Mapped[bool]
    level: Mapped[int]
    asked_by_cedula: Mapped[bool]
    nested_groups: Mapped[int] = mapped_column(default=0, server_default="0")
    active: Mapped[bool]
    version: Mapped[int]
    created_at: Mapped[datetime]


class DirectoryGroupRow(Base):
    """What a group was worth by the name of a role alone, which gave nothing. ``idp_group_role`` stands in its place.

    It is kept for the release before this one, which runs beside it during an upgrade.
    """

    __tablename__ = "idp_ldap_group"
    __table_args__ = (UniqueConstraint("directory_id", "group_dn", "role"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    directory_id: Mapped[str] = mapped_column(String(26), index=True)
    group_dn: Mapped[str] = mapped_column(String(500))
    role: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]


class DirectoryLinkRow(Base):
    """A person of ours who has an account in a directory.

    ``entry_key``: what the directory knows the entry by for good. ``groups``: as last seen. ``missed_at``: the last
    look did not find the account; ``left_at``: nor did the one after it.
    """

    __tablename__ = "idp_ldap_link"
    __table_args__ = (UniqueConstraint("directory_id", "entry_key"), UniqueConstraint("directory_id", "person_id"))

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    directory_id: Mapped[str] = mapped_column(String(26))
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    entry_key: Mapped[str] = mapped_column(String(200))
    username: Mapped[str] = mapped_column(String(64))
    groups: Mapped[list[str]]
    linked_at: Mapped[datetime]
    last_login_at: Mapped[datetime]
    checked_at: Mapped[datetime] = mapped_column(index=True)
    missed_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]


class DirectoryHealthRow(Base):
    """How a directory was at the last look. ``failing_since``: since when no server of it answers."""

    __tablename__ = "idp_ldap_health"

    directory_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    reason: Mapped[str | None] = mapped_column(String(32))
    failing_since: Mapped[datetime | None]
    milliseconds: Mapped[int]
    checked_at: Mapped[datetime]
