"""How a recovery ends before it is used: stopped by whoever was told of it, or too old. The first end counts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.vocabulary import EventType
from idp.accounts.person import find_person
from idp.desk.model import DeskRecoveryRow
from idp.desk.recovery_record import STOP, Recovery, as_recovery, record_recovery
from idp.desk.report import RECOVERY, open_report
from idp.desk.spoken_code import digest_of_code
from idp.notices.notify import notify_everywhere
from idp.services import IdpServices
from kernel.errors import Conflict, NotFound


def find_stoppable(session: Session, *, services: IdpServices, stop_code: str) -> Recovery:
    """Return the recovery that a notice's code stops; looking changes nothing.

    :raises NotFound: (``stop_unknown``), :raises Conflict: (``stop_finished``, ``stop_over``).
    """
    row = session.scalars(
        select(DeskRecoveryRow).where(DeskRecoveryRow.stop_hmac == digest_of_code(services, STOP, stop_code))
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such recovery.", code="stop_unknown")
    if row.closed_at is not None:
        finished = row.outcome == "finished"
        raise Conflict("It is over.", code="stop_finished" if finished else "stop_over")
    return as_recovery(row)


def stop_recovery(
    session: Session, *, services: IdpServices, recovery_id: str, actor: str, by: str, now: datetime
) -> Recovery:
    """Stop an open recovery; its code is worth nothing from now on, and all contacts are told.

    :param actor: who: the person's id, an officer's, or ``anonymous`` for who came by a notice.
    :param by: public word for it: ``contact``, ``person``, ``officer`` or ``security``.
    :raises NotFound: (``unknown_recovery``); :raises Conflict: (``stop_finished``, ``stop_over``): the first end wins.
    """
    row = session.get(DeskRecoveryRow, recovery_id)
    if row is None:
        raise NotFound("There is no such recovery.", code="unknown_recovery")
    if not close(session, row.id, outcome="stopped", actor=actor, now=now):
        session.refresh(row)
        raise Conflict("It is over.", code="stop_finished" if row.outcome == "finished" else "stop_over")
    session.refresh(row)
    record_recovery(session, services, EventType.DESK_RECOVERY_STOPPED, row, actor=actor, details={"by": by}, now=now)
    person = find_person(session, row.person_id)
    number = ""
    if by in ("contact", "person"):
        report = open_report(
            session, services=services, person_id=person.id, kind=RECOVERY, event_id=None, actor=actor, now=now
        )
        number = report.number
    context = {"number": number}
    notify_everywhere(session, services=services, person=person, template="recovery_stopped", context=context, now=now)
    return as_recovery(row)


def close(session: Session, recovery_id: str, *, outcome: str, actor: str | None, now: datetime) -> bool:
    """End an open recovery; of any number of ends at once exactly one counts. Tell whether it was this one."""
    won = session.execute(
        update(DeskRecoveryRow)
        .where(DeskRecoveryRow.id == recovery_id, DeskRecoveryRow.closed_at.is_(None))
        .values(closed_at=now, closed_by=actor, outcome=outcome, phc=None, sealed_key=None)
        .returning(DeskRecoveryRow.id)
    ).scalar_one_or_none()
    return won is not None


def close_expired(session: Session, *, services: IdpServices, now: datetime, person_id: str | None = None) -> int:
    """End recoveries that ran out, on record; of one person or of all. Return how many."""
    query = select(DeskRecoveryRow).where(DeskRecoveryRow.closed_at.is_(None), DeskRecoveryRow.expires_at <= now)
    if person_id is not None:
        query = query.where(DeskRecoveryRow.person_id == person_id)
    ended = 0
    for row in session.scalars(query.limit(200)).all():
        if close(session, row.id, outcome="expired", actor=None, now=now):
            record_recovery(session, services, EventType.DESK_RECOVERY_EXPIRED, row, actor="worker", now=now)
            ended += 1
    session.expire_all()
    return ended
