"""Reports of what somebody did not do: each has a number that can be read aloud, and an end in words."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.model import PasswordRow
from idp.accounts.one_hand import accounts_in_one_hand
from idp.accounts.person import find_person
from idp.desk.model import ReportRow
from idp.notices.mail import notify
from idp.services import IdpServices
from kernel.errors import Conflict, Denied, Fault, NotFound, Rejected
from kernel.identifiers import new_id

ACTIVITY, RECOVERY = "activity", "recovery"
WORDS = range(10, 501)
_TRIES = 8


@dataclass(frozen=True)
class Report:
    """A report. :ivar state: ``new``, ``seen`` or ``closed``; ``words``: with which it was closed."""

    id: str
    number: str
    person_id: str
    kind: str
    event_id: str | None
    grants_ended: int
    created_at: datetime
    rechecked: bool
    state: str
    seen_by: str | None
    closed_by: str | None
    closed_at: datetime | None
    words: str


def open_report(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    kind: str,
    event_id: str | None,
    grants_ended: int = 0,
    actor: str | None = None,
    now: datetime,
) -> Report:
    """Make a report with a number of its own; one of activity is written to the person. The caller records its cause.

    :param actor: who said it, if not the person logged in: ``anonymous`` for who came by a notice.
    """
    row = ReportRow(
        id=new_id(), person_id=person_id, kind=kind, event_id=event_id, grants_ended=grants_ended, created_at=now
    )
    for _ in range(_TRIES):
        digits = f"{secrets.randbelow(10**8):08}"
        row.number = f"{digits[:4]}-{digits[4:]}"
        try:
            with session.begin_nested():
                session.add(row)
            break
        except IntegrityError:  # taken: another number
            continue
    else:
        raise Fault("No number is free.", code="no_report_number")
    _record(session, services, EventType.REPORT_OPENED, row, actor=actor or person_id, details={"kind": kind}, now=now)
    if kind == ACTIVITY:
        person, context = find_person(session, person_id), {"number": row.number}
        notify(session, services=services, person=person, template="report_opened", context=context, now=now)
    return as_report(row)


def look_at_report(
    session: Session, *, services: IdpServices, report_id: str, officer_id: str, now: datetime
) -> Report:
    """Note that the security officer looks at it; the first look counts. :raises NotFound: (``unknown_report``)."""
    first = session.execute(
        update(ReportRow)
        .where(ReportRow.id == report_id, ReportRow.seen_at.is_(None))
        .values(seen_at=now, seen_by=officer_id)
        .returning(ReportRow.id)
    ).scalar_one_or_none()
    row = _row(session, report_id)
    if first is not None:
        session.refresh(row)
        _record(session, services, EventType.REPORT_SEEN, row, actor=officer_id, now=now)
    return as_report(row)


def close_report(
    session: Session, *, services: IdpServices, report_id: str, words: str, officer_id: str, now: datetime
) -> Report:
    """Close it with words, which the person reads; exactly once.

    :raises Rejected: (``words_missing``, ``words_long``); :raises Denied: (``own_report``), on record;
    :raises NotFound: (``unknown_report``); :raises Conflict: (``report_closed``).
    """
    text, row = " ".join(words.split()), _row(session, report_id)
    if len(text) < WORDS.start:
        raise Rejected("Write what was found.", code="words_missing")
    if len(text) >= WORDS.stop:
        raise Rejected("Write less.", code="words_long")
    if accounts_in_one_hand(session, officer_id, row.person_id):
        error = Denied("Somebody else closes it.", code="own_report")
        event = Event(
            type=EventType.REPORT_CLOSED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            subject=row.person_id,
            actor=officer_id,
            object_id=row.id,
        )
        services.journal.refuse(session, event, error, now=now)
    won = session.execute(
        update(ReportRow)
        .where(ReportRow.id == report_id, ReportRow.closed_at.is_(None))
        .values(closed_at=now, closed_by=officer_id, closing_words=text)
        .returning(ReportRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise Conflict("This report was closed before.", code="report_closed")
    session.refresh(row)
    _record(session, services, EventType.REPORT_CLOSED, row, actor=officer_id, private={"words": text}, now=now)
    person, context = find_person(session, row.person_id), {"number": row.number}
    notify(session, services=services, person=person, template="report_closed", context=context, now=now)
    return as_report(row)


def note_rechecked(session: Session, *, services: IdpServices, number: str, person_id: str, now: datetime) -> Report:
    """The person went through all that opens his account. A second time changes nothing.

    :raises NotFound: (``unknown_report``); :raises Conflict: (``password_due``) while the password is that of before.
    """
    report = find_own_report(session, number=number, person_id=person_id)
    if report.rechecked:
        return report
    if is_password_due(session, report):
        raise Conflict("A new password is due first.", code="password_due")
    row = _row(session, report.id)
    row.rechecked_at = now
    _record(session, services, EventType.REPORT_RECHECKED, row, actor=person_id, now=now)
    session.flush()
    return as_report(row)


def is_password_due(session: Session, report: Report) -> bool:
    """Tell whether the password is still the one of before the report."""
    set_at = session.scalar(select(PasswordRow.set_at).where(PasswordRow.person_id == report.person_id))
    return set_at is not None and set_at <= report.created_at


def has_open_recheck(session: Session, person_id: str) -> bool:
    """Tell whether the person has yet to go through what opens his account, after a report of his activity."""
    due = select(ReportRow.id).where(
        ReportRow.person_id == person_id, ReportRow.kind == ACTIVITY, ReportRow.rechecked_at.is_(None)
    )
    return session.scalar(due.limit(1)) is not None


def find_own_report(session: Session, *, number: str, person_id: str) -> Report:
    """Return a report of the person's own. :raises NotFound: (``unknown_report``), another's too."""
    row = session.scalars(
        select(ReportRow).where(ReportRow.number == number, ReportRow.person_id == person_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such report.", code="unknown_report")
    return as_report(row)


def list_own_reports(session: Session, person_id: str) -> list[Report]:
    """Return the person's reports, newest first."""
    query = select(ReportRow).where(ReportRow.person_id == person_id).order_by(ReportRow.id.desc()).limit(50)
    return [as_report(row) for row in session.scalars(query)]


def count_new_reports(session: Session) -> int:
    """Return how many nobody has looked at."""
    return session.scalar(select(func.count()).select_from(ReportRow).where(ReportRow.seen_at.is_(None))) or 0


def as_report(row: ReportRow) -> Report:
    """Return a row as the frozen value."""
    return Report(
        id=row.id,
        number=row.number,
        person_id=row.person_id,
        kind=row.kind,
        event_id=row.event_id,
        grants_ended=row.grants_ended,
        created_at=row.created_at,
        rechecked=row.rechecked_at is not None,
        state="closed" if row.closed_at else ("seen" if row.seen_at else "new"),
        seen_by=row.seen_by,
        closed_by=row.closed_by,
        closed_at=row.closed_at,
        words=row.closing_words or "",
    )


def _row(session: Session, report_id: str) -> ReportRow:
    row = session.get(ReportRow, report_id)
    if row is None:
        raise NotFound("There is no such report.", code="unknown_report")
    return row


def _record(
    session: Session,
    services: IdpServices,
    kind: EventType,
    row: ReportRow,
    *,
    actor: str,
    details: Mapping[str, str] | None = None,
    private: Mapping[str, str] | None = None,
    now: datetime,
) -> None:
    event = Event(
        type=kind,
        subject=row.person_id,
        actor=actor,
        object_id=row.id,
        details={"number": row.number, **(details or {})},
        private={**(private or {})},
    )
    services.journal.record(session, event, now=now)
