"""Who of ours has an account in which directory: found, made, seen again, left, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idp.directories.model import DirectoryGroupRow, DirectoryLinkRow, DirectoryRow


@dataclass(frozen=True, kw_only=True)
class DirectoryGroups:
    """What a directory said about a person's groups when it was last asked: for the room of rights.

    :ivar groups: distinguished names. :ivar roles: what the operator's table makes of them.
    """

    directory: str
    institution_id: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    seen_at: datetime


def governing_directory(session: Session, person_id: str) -> str | None:
    """Return the id of the open directory whose password the person logs in with, if there is one.

    While there is, no password that is kept here is looked at: a stale one lets nobody in.
    """
    return session.scalar(
        select(DirectoryLinkRow.directory_id)
        .join(DirectoryRow, DirectoryRow.id == DirectoryLinkRow.directory_id)
        .where(DirectoryLinkRow.person_id == person_id, DirectoryLinkRow.left_at.is_(None), DirectoryRow.active)
        .order_by(DirectoryLinkRow.last_login_at.desc())
        .limit(1)
    )


def person_named(session: Session, *, directory_id: str, username: str) -> str | None:
    """Return whose link has the name, as last seen: for counters alone."""
    return session.scalar(
        select(DirectoryLinkRow.person_id).where(
            DirectoryLinkRow.directory_id == directory_id, DirectoryLinkRow.username == username.casefold()
        )
    )


def find_link(session: Session, *, directory_id: str, entry_key: str) -> DirectoryLinkRow | None:
    """Return the link of an entry, if it has one."""
    return session.scalars(
        select(DirectoryLinkRow).where(
            DirectoryLinkRow.directory_id == directory_id, DirectoryLinkRow.entry_key == entry_key
        )
    ).one_or_none()


def link_of_person(session: Session, *, directory_id: str, person_id: str) -> DirectoryLinkRow | None:
    """Return the person's link with the directory, if there is one."""
    return session.scalars(
        select(DirectoryLinkRow).where(
            DirectoryLinkRow.directory_id == directory_id, DirectoryLinkRow.person_id == person_id
        )
    ).one_or_none()


def groups_of_login(session: Session, person_id: str) -> list[DirectoryGroups]:
    """Return the person's groups by directory, of those that the person has not left and that are open."""
    found = session.execute(
        select(DirectoryLinkRow, DirectoryRow)
        .join(DirectoryRow, DirectoryRow.id == DirectoryLinkRow.directory_id)
        .where(DirectoryLinkRow.person_id == person_id, DirectoryLinkRow.left_at.is_(None), DirectoryRow.active)
        .order_by(DirectoryRow.name)
    ).all()
    return [
        DirectoryGroups(
            directory=directory.name,
            institution_id=directory.institution_id,
            groups=tuple(link.groups),
            roles=_roles(session, directory.id, link.groups),
            seen_at=max(link.last_login_at, link.checked_at),
        )
        for link, directory in found
    ]


def forget_links(session: Session, *, person_id: str) -> None:
    """Destroy what is kept about a person who is erased."""
    session.execute(delete(DirectoryLinkRow).where(DirectoryLinkRow.person_id == person_id))


def _roles(session: Session, directory_id: str, groups: Sequence[str]) -> tuple[str, ...]:
    plain = {_plain(group) for group in groups}
    rows = session.scalars(select(DirectoryGroupRow).where(DirectoryGroupRow.directory_id == directory_id))
    return tuple(sorted({row.role for row in rows if _plain(row.group_dn) in plain}))


def _plain(group: str) -> str:
    """Letter case and blanks around separators do not count in distinguished names."""
    return ",".join("=".join(part.strip() for part in rdn.split("=")) for rdn in group.casefold().split(","))
