"""One person whom an operator looks after, for half an hour and a reason: the way to every page about people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from admin.model import PersonCase
from admin.person_lookup import look_up_person
from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from kernel.errors import NotFound
from kernel.identifiers import new_id

CASE_LIFETIME = timedelta(minutes=30)


@dataclass(frozen=True)
class Case:
    """A case. :ivar opened: whether the person's page was opened; before, the answer is masked."""

    id: str
    person_id: str
    opened: bool
    expires_at: datetime


def begin_case(
    session: Session, *, journal: Journal, cedula: str, reason: str, operator_id: str, now: datetime
) -> Case:
    """Look a person up, on record, and begin a case. Errors as :func:`admin.person_lookup.look_up_person`."""
    person = look_up_person(
        session, journal=journal, cedula=cedula, reason=reason, actor=operator_id, purpose="desk", now=now
    )
    session.execute(delete(PersonCase).where(PersonCase.expires_at <= now))
    row = PersonCase(
        id=new_id(), operator_id=operator_id, person_id=person.id, begun_at=now, expires_at=now + CASE_LIFETIME
    )
    session.add(row)
    session.flush()
    return _value(row)


def find_case(session: Session, *, case_id: str, operator_id: str, now: datetime, opened: bool = True) -> Case:
    """Return the operator's case.

    :param opened: only one whose page was opened.
    :raises NotFound: (``no_case``) for one that is too old, another operator's, or not opened.
    """
    row = session.get(PersonCase, case_id)
    if row is None or row.operator_id != operator_id or row.expires_at <= now or (opened and row.opened_at is None):
        raise NotFound("Look the person up first.", code="no_case")
    return _value(row)


def open_case(session: Session, *, journal: Journal, case_id: str, operator_id: str, now: datetime) -> Case:
    """Open the person's page, on record; a second time changes nothing. :raises NotFound: (``no_case``)."""
    case = find_case(session, case_id=case_id, operator_id=operator_id, now=now, opened=False)
    if case.opened:
        return case
    won = session.execute(
        update(PersonCase)
        .where(PersonCase.id == case_id, PersonCase.opened_at.is_(None))
        .values(opened_at=now)
        .returning(PersonCase.id)
    ).scalar_one_or_none()
    if won is not None:
        event = Event(type=EventType.PERSON_OPENED, subject=case.person_id, actor=operator_id, object_id=case_id)
        journal.record(session, event, now=now)
    session.expire_all()
    return find_case(session, case_id=case_id, operator_id=operator_id, now=now)


def _value(row: PersonCase) -> Case:
    return Case(row.id, row.person_id, row.opened_at is not None, row.expires_at)
