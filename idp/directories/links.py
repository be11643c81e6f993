"""Who of ours has an account in which directory: found, made, seen again, left, forgotten."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idp.directories.model import DirectoryLinkRow, DirectoryRow


def governing_directory(session: Session, person_id: str) -> str | None:
    """Return the id of the open directory whose password the person logs in with, if there is one.

    While there is, no password that is kept here is looked at: a stale one lets nobody in.
    """
    return session.scalar(
        select(DirectoryLinkRow.directory_id)
        .join(DirectoryRow, DirectoryRow.id == DirectoryLinkRow.directory_id)
        .where(DirectoryLinkRow.person_id == person_id, DirectoryLinkRow.left_at.is_(None), DirectoryRow.active)
        .order_by(DirectoryLinkRow.last_login_at.desc(), DirectoryLinkRow.id.desc())
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


def forget_links(session: Session, *, person_id: str) -> None:
    """Destroy what is kept about a person who is erased."""
    session.execute(delete(DirectoryLinkRow).where(DirectoryLinkRow.person_id == person_id))
