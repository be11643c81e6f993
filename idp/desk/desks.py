"""The desks where people are helped: data that an administrator keeps, and that everyone may read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.desk.model import DeskRow
from idp.directory.institutions import find_institution_by_ruc
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import new_id


@dataclass(frozen=True)
class Desk:
    """A desk. :ivar hours: in words, as people read them; :ivar open: whether acts may still name it."""

    id: str
    institution_ruc: str
    name: str
    city: str
    address: str
    hours: str
    open: bool


def add_desk(
    session: Session,
    *,
    journal: Journal,
    institution_ruc: str,
    name: str,
    city: str,
    address: str,
    hours: str,
    actor: str | None = None,
    now: datetime,
) -> Desk:
    """Add a desk of an active institution.

    :raises Rejected: ``bad_desk_text`` (empty, too long or not printable), ``bad_ruc``.
    :raises NotFound: ``unknown_institution``; :raises Conflict: ``institution_closed``.
    """
    institution = find_institution_by_ruc(session, institution_ruc)
    if not institution.active:
        raise Conflict("This institution is closed.", code="institution_closed")
    row = DeskRow(
        id=new_id(),
        institution_ruc=institution.ruc,
        name=_text(name, 120),
        city=_text(city, 80),
        address=_text(address, 200),
        hours=_text(hours, 120),
        created_at=now,
    )
    session.add(row)
    session.flush()
    journal.record(
        session,
        Event(
            type=EventType.DESK_ADDED,
            actor=actor,
            object_id=row.id,
            details={"institution": row.institution_ruc, "name": row.name, "city": row.city},
        ),
        now=now,
    )
    return _value(row)


def remove_desk(session: Session, *, journal: Journal, desk_id: str, actor: str | None = None, now: datetime) -> Desk:
    """Close a desk: nothing new is done there, no list has it. :raises NotFound: ``unknown_desk``."""
    removed = session.execute(
        update(DeskRow)
        .where(DeskRow.id == desk_id, DeskRow.removed_at.is_(None))
        .values(removed_at=now)
        .returning(DeskRow.id)
    ).scalar_one_or_none()
    if removed is None:
        raise NotFound("There is no such desk.", code="unknown_desk")
    journal.record(session, Event(type=EventType.DESK_REMOVED, actor=actor, object_id=desk_id), now=now)
    session.expire_all()
    return find_desk(session, desk_id)


def find_desk(session: Session, desk_id: str) -> Desk:
    """Return the desk, a closed one too. :raises NotFound: ``unknown_desk``."""
    row = session.get(DeskRow, desk_id)
    if row is None:
        raise NotFound("There is no such desk.", code="unknown_desk")
    return _value(row)


def require_desk(session: Session, desk_id: str, *, institutions: Collection[str] | None) -> Desk:
    """Return the open desk at which an officer acts.

    :param institutions: RUCs whose desks he serves; None: all.
    :raises Rejected: ``unknown_desk``: there is none, it is closed, or it is another institution's.
    """
    row = session.get(DeskRow, desk_id) if desk_id else None
    if (
        row is None
        or row.removed_at is not None
        or (institutions is not None and row.institution_ruc not in institutions)
    ):
        raise Rejected("Choose the desk from the list.", code="unknown_desk")
    return _value(row)


def list_desks(session: Session, *, institutions: Collection[str] | None = None) -> list[Desk]:
    """Return the open desks by city and name; of ``institutions`` (RUCs) alone where given."""
    query = select(DeskRow).where(DeskRow.removed_at.is_(None)).order_by(DeskRow.city, DeskRow.name, DeskRow.id)
    if institutions is not None:
        query = query.where(DeskRow.institution_ruc.in_(institutions))
    return [_value(row) for row in session.scalars(query)]


def _text(typed: str, limit: int) -> str:
    text = " ".join(typed.split())
    if not text or len(text) > limit or not text.isprintable():
        raise Rejected(f"1 to {limit} characters.", code="bad_desk_text")
    return text


def _value(row: DeskRow) -> Desk:
    return Desk(
        id=row.id,
        institution_ruc=row.institution_ruc,
        name=row.name,
        city=row.city,
        address=row.address,
        hours=row.hours,
        open=row.removed_at is None,
    )
