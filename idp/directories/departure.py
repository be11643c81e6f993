"""Leaving an institution: who is no longer in its directory, or is disabled there, loses what rests on it.

One look that finds nobody may be a server that is being rebuilt; the second one, some time after, counts. If many of a
directory are missing at once, nobody has left: somebody moved the tree, and a person must look.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import find_person
from idp.authentication.browser_session import end_sessions_of
from idp.directories.directory import Directory, Entry
from idp.directories.model import DirectoryLinkRow
from idp.directories.register import find_directory
from idp.rights.belonging import find_belonging_of
from idp.rights.groups.follow import follow_groups
from idp.rights.groups.source import WORKER, bounded
from idp.rights.leaving import leave_institution
from idp.services import IdpServices
from kernel.errors import NotFound

BATCH = 50
_AGAIN = timedelta(minutes=10)
_MANY = 5
_SECONDS = 20.0  # of one batch, however slow the directory is


def check_people(services: IdpServices, *, directory_id: str, every: timedelta, now: datetime) -> bool:
    """Look for the people of a directory whose turn it is; tell whether more wait. Outside of any transaction.

    :raises DirectoryError: if it does not answer; nobody has left by that.
    """
    with services.database.reading() as session:
        try:
            directory = find_directory(session, services=services, directory_id=directory_id)
        except NotFound:
            return False
        due = _due(session, directory_id, every=every, now=now) if directory.active and directory.searches else []
    found: dict[str, Entry | None] = {}
    began = monotonic()
    for link_id, cedula in due:
        if monotonic() - began > _SECONDS:
            break
        found[link_id] = services.directories.find(directory, cedula=cedula, now=now) if cedula else None
    missing = [link_id for link_id, entry in found.items() if entry is None]
    with services.database.transaction() as session:
        if len(missing) > _MANY and 2 * len(missing) > len(found):
            _record_stop(session, services, directory, len(missing), len(found), now=now)
            session.execute(update(DirectoryLinkRow).where(DirectoryLinkRow.id.in_(list(found))).values(checked_at=now))
            return False
        for link_id, entry in found.items():
            _note(session, services, directory, link_id, entry, now=now)
    return len(found) == BATCH


def _due(session: Session, directory_id: str, *, every: timedelta, now: datetime) -> list[tuple[str, str]]:
    rows = session.scalars(
        select(DirectoryLinkRow)
        .where(
            DirectoryLinkRow.directory_id == directory_id,
            DirectoryLinkRow.left_at.is_(None),
            or_(DirectoryLinkRow.checked_at <= now - every, DirectoryLinkRow.missed_at <= now - _AGAIN),
        )
        .order_by(DirectoryLinkRow.checked_at)
        .limit(BATCH)
    ).all()
    return [(row.id, find_person(session, row.person_id).cedula) for row in rows]


def _note(
    session: Session,
    services: IdpServices,
    directory: Directory,
    link_id: str,
    entry: Entry | None,
    *,
    now: datetime,
) -> None:
    link = session.get(DirectoryLinkRow, link_id, with_for_update=True, populate_existing=True)
    if link is None or link.left_at is not None or link.last_login_at > now:
        return
    link.checked_at = now
    if entry is not None and entry.key == link.entry_key:
        link.missed_at, link.groups = None, bounded(entry.groups)
        follow_groups(
            session,
            services=services,
            source=directory.source,
            person_id=link.person_id,
            groups=link.groups,
            logged_in_at=link.last_login_at,
            now=now,
        )
    elif link.missed_at is None:
        link.missed_at = now
    else:
        let_go(session, services=services, directory=directory, link=link, actor=WORKER, now=now)


def let_go(
    session: Session,
    *,
    services: IdpServices,
    directory: Directory,
    link: DirectoryLinkRow,
    actor: str,
    now: datetime,
) -> None:
    """End what rests on an account that the directory has no longer, or has closed: sessions, rights, certificates."""
    link.left_at, link.groups = now, []
    event = Event(
        type=EventType.LDAP_PERSON_LEFT,
        subject=link.person_id,
        actor=actor,
        object_id=directory.id,
        details={"directory": directory.name, "institution": directory.institution_id},
    )
    services.journal.record(session, event, now=now)
    end_sessions_of(session, journal=services.journal, person_id=link.person_id, reason="left_institution", now=now)
    belonging = find_belonging_of(session, institution_id=directory.institution_id, person_id=link.person_id)
    if belonging is not None:
        leave_institution(
            session,
            services=services,
            belonging_id=belonging.id,
            institution_id=directory.institution_id,
            actor=actor,
            now=now,
        )


def _record_stop(
    session: Session, services: IdpServices, directory: Directory, missing: int, looked: int, *, now: datetime
) -> None:
    event = Event(
        type=EventType.LDAP_CHECK_STOPPED,
        outcome=Outcome.REFUSED,
        reason="too_many_missing",
        actor=WORKER,
        object_id=directory.id,
        details={"directory": directory.name, "missing": missing, "looked": looked},
    )
    services.journal.record(session, event, now=now)
