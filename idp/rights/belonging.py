"""Who works at which institution: begun, changed, read. The end is in :mod:`idp.rights.leaving`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.accounts.person import hold_person
from idp.directory.institutions import Institution, find_institution
from idp.rights.model import BelongingRow
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import new_id
from kernel.prefetch import UNKNOWN, kept

POST_LIMIT = 200


#: A moment, or the place of one in a query that is built once.
Moment: TypeAlias = datetime | ColumnElement[Any]


class Source(StrEnum):
    """Who says that the person works there."""

    MANUAL = "manual"
    DIRECTORY = "directory"
    PROVIDER = "provider"
    SCIM = "scim"


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """A person at an institution.

    :ivar external_id: and ``user_name``: what the institution's own system calls the person.
    :ivar version: grows with every change.
    :ivar ended_at: when the person left; None: stands, if its dates say so.
    """

    id: str
    institution_id: str
    person_id: str
    post: str
    source: Source
    external_id: str | None
    user_name: str | None
    since: datetime
    until: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    ended_reason: str | None

    def stands(self, now: datetime) -> bool:
        """Tell whether the person works there at ``now``."""
        return self.ended_at is None and self.since <= now and (self.until is None or now < self.until)


def standing(now: Moment) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a row of belongings counts at ``now``."""
    return (
        BelongingRow.ended_at.is_(None),
        BelongingRow.since <= now,
        (BelongingRow.until.is_(None)) | (BelongingRow.until > now),
    )


def begin_belonging(
    session: Session,
    *,
    journal: Journal,
    institution_id: str,
    person_id: str,
    post: str = "",
    source: Source = Source.MANUAL,
    external_id: str | None = None,
    user_name: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    actor: str,
    now: datetime,
) -> Belonging:
    """Note that a person works at an institution; it gives no right by itself.

    :raises NotFound: ``unknown_institution``, ``unknown_person``.
    :raises Conflict: ``institution_closed``, ``not_active`` (the account), ``belongs_already``.
    :raises Rejected: ``bad_post``, ``bad_dates``.
    """
    if not find_institution(session, institution_id).active:
        raise Conflict("This institution is closed.", code="institution_closed")
    if not hold_person(session, person_id).is_active:  # whoever changes what a person holds takes turns by it
        raise Conflict("Only an active account belongs to an institution.", code="not_active")
    if find_belonging_of(session, institution_id=institution_id, person_id=person_id) is not None:
        raise Conflict("The person belongs to this institution already.", code="belongs_already")
    begins = since or now
    if until is not None and until <= max(begins, now):
        raise Rejected("It ends before it begins.", code="bad_dates")
    row = BelongingRow(
        id=new_id(),
        institution_id=institution_id,
        person_id=person_id,
        post=valid_post(post),
        source=source.value,
        external_id=_outer_name(external_id),
        user_name=_outer_name(user_name),
        since=begins,
        until=until,
        version=1,
        created_by=actor,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    event = Event(
        type=EventType.BELONGING_BEGUN,
        subject=person_id,
        actor=actor,
        object_id=institution_id,
        details={"source": source.value, "until": until.isoformat() if until else None},
        private={"post": row.post},
    )
    journal.record(session, event, now=now)
    return belonging_value(row)


def change_belonging(
    session: Session,
    *,
    journal: Journal,
    belonging: Belonging,
    post: str | None = None,
    external_id: str | None = None,
    user_name: str | None = None,
    until: datetime | None = None,
    actor: str,
    now: datetime,
) -> Belonging:
    """Change what is not None; only if nobody else changed it since it was read.

    :raises Rejected: ``bad_post``, ``bad_dates``. :raises Conflict: ``changed_meanwhile``.
    """
    wanted = {
        "post": None if post is None else valid_post(post),
        "external_id": _outer_name(external_id),
        "user_name": _outer_name(user_name),
        "until": until,
    }
    values = {name: value for name, value in wanted.items() if value is not None and value != getattr(belonging, name)}
    if not values:
        return belonging
    if until is not None and until <= belonging.since:
        raise Rejected("It ends before it begins.", code="bad_dates")
    changed = session.scalars(
        update(BelongingRow)
        .where(
            BelongingRow.id == belonging.id,
            BelongingRow.version == belonging.version,
            BelongingRow.ended_at.is_(None),
        )
        .values(**values, version=BelongingRow.version + 1, updated_at=now)
        .returning(BelongingRow.id)
    ).one_or_none()
    if changed is None:
        raise Conflict("Somebody else changed this meanwhile.", code="changed_meanwhile")
    event = Event(
        type=EventType.BELONGING_CHANGED,
        subject=belonging.person_id,
        actor=actor,
        object_id=belonging.institution_id,
        details={"changed": sorted(values)},
        private={"post": str(values["post"])} if "post" in values else {},
    )
    journal.record(session, event, now=now)
    session.expire_all()
    return belonging_value(session.get_one(BelongingRow, belonging.id))


def find_belonging(session: Session, belonging_id: str, *, institution_id: str) -> Belonging:
    """Return the belonging, ended or not. :raises NotFound: (``unknown_belonging``) also for another institution's."""
    row = session.get(BelongingRow, belonging_id)
    if row is None or row.institution_id != institution_id:
        raise NotFound("There is no such person at this institution.", code="unknown_belonging")
    return belonging_value(row)


def find_belonging_of(session: Session, *, institution_id: str, person_id: str, lock: bool = False) -> Belonging | None:
    """Return the belonging that was not ended, whatever its dates say, or nothing."""
    wanted = select(BelongingRow).where(
        BelongingRow.institution_id == institution_id,
        BelongingRow.person_id == person_id,
        BelongingRow.ended_at.is_(None),
    )
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    row = session.scalars(wanted).one_or_none()
    return belonging_value(row) if row else None


def list_belongings(session: Session, *, institution_id: str, ended: bool = False) -> list[Belonging]:
    """Return who belongs to the institution, the newest first; with ``ended`` those who left too."""
    wanted = select(BelongingRow).where(BelongingRow.institution_id == institution_id)
    if not ended:
        wanted = wanted.where(BelongingRow.ended_at.is_(None))
    return [belonging_value(row) for row in session.scalars(wanted.order_by(BelongingRow.id.desc()))]


def institutions_of(session: Session, person_id: str, *, now: datetime) -> list[Institution]:
    """Return the active institutions at which the person works now, by name."""
    read = kept(session, Belonging, person_id)
    if read is UNKNOWN:
        read = session.scalars(
            select(BelongingRow.institution_id).where(BelongingRow.person_id == person_id, *standing(now))
        ).all()
    ids: Iterable[str] = read
    found = [find_institution(session, each) for each in ids]
    return sorted((each for each in found if each.active), key=lambda each: each.name)


def belonging_value(row: BelongingRow) -> Belonging:
    """Return a row as a value."""
    return Belonging(
        id=row.id,
        institution_id=row.institution_id,
        person_id=row.person_id,
        post=row.post,
        source=Source(row.source),
        external_id=row.external_id,
        user_name=row.user_name,
        since=row.since,
        until=row.until,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        ended_at=row.ended_at,
        ended_reason=row.ended_reason,
    )


def valid_post(post: str) -> str:
    """Return the post without needless space. :raises Rejected: (``bad_post``)."""
    post = " ".join(post.split())
    if len(post) > POST_LIMIT or not post.isprintable():
        raise Rejected(f"A post has {POST_LIMIT} characters at most.", code="bad_post")
    return post


def _outer_name(name: str | None) -> str | None:
    if name is not None and (len(name) > 200 or not name.isprintable()):
        raise Rejected("A name of 200 printable characters at most.", code="bad_external_name")
    return name or None
