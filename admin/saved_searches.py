"""Searches of the evidence kept under a name: by whom, for whom, and what opening one about a person asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from admin.evidence import require_reason_given
from admin.model import SavedSearch
from admin.permissions import Role
from admin.person_lookup import require_reason
from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from kernel.errors import NotFound, Rejected
from kernel.identifiers import new_id

LONGEST_NAME = 80
MOST = 100
#: Filters whose value is a person.
PEOPLE = ("person", "actor")


@dataclass(frozen=True)
class Search:
    """A search as it was kept.

    :ivar filters: as they stand in the address of the search, none of them empty.
    :ivar about: the person whom it is about; None: nobody.
    :ivar role: for whom it is beside its owner; None: for nobody.
    """

    id: str
    owner: str
    name: str
    filters: Mapping[str, str]
    about: str | None
    role: Role | None


def save_search(
    session: Session,
    *,
    journal: Journal,
    name: str,
    filters: Mapping[str, str],
    role: str,
    actor: str,
    roles: Collection[Role],
    now: datetime,
) -> Search:
    """Keep a search, on record by its id and never by its name or what it looks for.

    :param role: one of the actor's own, whose holders may use it too; empty: nobody else.
    :raises Rejected: ``search_name_missing``, ``search_name_long``, ``search_empty``, ``search_role``,
        ``searches_too_many``. :raises Denied: (``reason_needed``) for a person for whom the actor gave no reason.
    """
    name = " ".join(name.split())
    kept = {key: value for key, value in sorted(filters.items()) if value}
    if not name:
        raise Rejected("Write a name.", code="search_name_missing")
    if len(name) > LONGEST_NAME:
        raise Rejected(f"At most {LONGEST_NAME} characters.", code="search_name_long")
    if not kept:
        raise Rejected("A search without filters needs no name.", code="search_empty")
    if role and role not in {each.value for each in roles}:
        raise Rejected("Share it with a role that you hold.", code="search_role")
    count = select(func.count()).select_from(SavedSearch).where(SavedSearch.person_id == actor)
    if session.scalars(count).one() >= MOST:
        raise Rejected(f"At most {MOST} searches.", code="searches_too_many")
    for each in PEOPLE:
        if each in kept:
            require_reason_given(session, person_id=kept[each], actor=actor, now=now)
    about = next((kept[each] for each in PEOPLE if each in kept), None)
    row = SavedSearch(
        id=new_id(), person_id=actor, about_id=about, name=name, role=role or None, filters=kept, saved_at=now
    )
    session.add(row)
    session.flush()
    _record(session, journal, EventType.AUDIT_SEARCH_SAVED, row, actor=actor, now=now)
    return _search(row)


def list_searches(session: Session, *, person_id: str, roles: Collection[Role]) -> list[Search]:
    """Return the searches of this person and those shared with his roles, by name."""
    rows = session.scalars(
        select(SavedSearch).where(_usable(person_id, roles)).order_by(SavedSearch.name, SavedSearch.id).limit(2 * MOST)
    )
    return [_search(row) for row in rows]


def find_search(session: Session, *, search_id: str, person_id: str, roles: Collection[Role]) -> Search:
    """Return one that this person may use. :raises NotFound: (``unknown_search``) for every other one."""
    row = session.scalar(select(SavedSearch).where(SavedSearch.id == search_id, _usable(person_id, roles)))
    if row is None:
        raise NotFound("There is no such search.", code="unknown_search")
    return _search(row)


def open_search_about(
    session: Session, *, journal: Journal, search: Search, reason: str, actor: str, now: datetime
) -> None:
    """Put on record why ``actor`` looks at the people of this search: it is asked each time that one is opened.

    :raises Rejected: ``reason_missing``, ``reason_short``, ``reason_long``.
    """
    why = require_reason(reason)
    for person_id in sorted({search.filters[each] for each in PEOPLE if each in search.filters}):
        journal.record(
            session,
            Event(
                type=EventType.PERSON_LOOKED_UP,
                subject=person_id,
                actor=actor,
                object_id=search.id,
                details={"purpose": "audit"},
                private={"why": why},
            ),
            now=now,
        )


def remove_search(session: Session, *, journal: Journal, search_id: str, actor: str, now: datetime) -> None:
    """Remove one of one's own. :raises NotFound: (``unknown_search``) for every other one."""
    row = session.scalar(select(SavedSearch).where(SavedSearch.id == search_id, SavedSearch.person_id == actor))
    if row is None:
        raise NotFound("There is no such search.", code="unknown_search")
    _record(session, journal, EventType.AUDIT_SEARCH_REMOVED, row, actor=actor, now=now)
    session.delete(row)


def forget_searches(session: Session, *, person_id: str) -> None:
    """Destroy the searches of a person, and those about him."""
    session.execute(
        delete(SavedSearch).where(or_(SavedSearch.person_id == person_id, SavedSearch.about_id == person_id))
    )


def _usable(person_id: str, roles: Collection[Role]) -> ColumnElement[bool]:
    return or_(SavedSearch.person_id == person_id, SavedSearch.role.in_([each.value for each in roles]))


def _record(
    session: Session, journal: Journal, kind: EventType, row: SavedSearch, *, actor: str, now: datetime
) -> None:
    event = Event(
        type=kind,
        actor=actor,
        object_id=row.id,
        details={"shared_with": row.role or "", "about_person": row.about_id is not None},
    )
    journal.record(session, event, now=now)


def _search(row: SavedSearch) -> Search:
    return Search(
        id=row.id,
        owner=row.person_id,
        name=row.name,
        filters={name: str(value) for name, value in row.filters.items()},
        about=row.about_id,
        role=Role(row.role) if row.role else None,
    )
