"""An officer opens the recovery of an account; a second one agrees where that is due; anyone told of it can stop it.

The officer checks the document and hands over a code. He learns nothing by which one logs in; the code counts only
after a delay, all contacts are told at once with a way to stop it, and its use shows in the person's activity.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.one_hand import accounts_in_one_hand
from idp.accounts.person import Person, hold_person
from idp.desk.desks import require_desk
from idp.desk.document import DocumentShown
from idp.desk.model import DeskRecoveryRow
from idp.desk.recovery_end import close_expired
from idp.desk.recovery_record import CODE, STOP, Recovery, as_recovery, record_recovery, row_at_desks
from idp.desk.spoken_code import digest_of_code, new_spoken_code
from idp.desk.waiting import APPROVAL_LIFETIME, CODE_LIFETIME, DISTRUST, delay_of
from idp.notices.notify import notify_everywhere
from idp.notices.texts import in_words
from idp.services import IdpServices
from kernel.errors import Conflict, Denied
from kernel.identifiers import new_id


def open_recovery(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    desk_id: str,
    shown: DocumentShown,
    lost_email: bool,
    lost_phone: bool,
    officer_id: str,
    institutions: Collection[str] | None,
    holds_duties: bool = False,
    now: datetime,
) -> tuple[Recovery, str]:
    """Open the recovery of a person who stands at the desk; return it with the code, which is shown once.

    :param lost_email: the person has the address no more: it is told now, and taken away at the end. So ``lost_phone``.
    :param institutions: RUCs whose desks the officer serves; None: all.
    :param holds_duties: the person works with the console: whoever had that account would have its power, so two agree.
    :raises Denied: (``own_recovery``), on record; :raises Rejected: (``unknown_desk``),
    :raises Conflict: (``not_active``, ``recovery_open``: exactly one at a time).
    """
    _refuse_oneself(session, services, person_id=person_id, officer_id=officer_id, now=now)
    desk = require_desk(session, desk_id, institutions=institutions)
    person = hold_person(session, person_id)
    if not person.is_active:
        raise Conflict("Only an active account is given back.", code="not_active")
    close_expired(session, services=services, now=now, person_id=person_id)
    alone = services.settings.desk_people == 1 and not holds_duties
    alone = alone and not _stopped_lately(session, person_id, now=now)
    code, stop = new_spoken_code(), new_spoken_code()
    ready_at = now + _delay(services, person) if alone else None
    row = DeskRecoveryRow(
        id=new_id(),
        person_id=person_id,
        officer_id=officer_id,
        desk_id=desk.id,
        document=shown.document,
        method=shown.method,
        lost_email=lost_email,
        lost_phone=lost_phone,
        code_hmac=digest_of_code(services, CODE, code),
        stop_hmac=digest_of_code(services, STOP, stop),
        opened_at=now,
        ready_at=ready_at,
        expires_at=ready_at + CODE_LIFETIME if ready_at else now + APPROVAL_LIFETIME,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise Conflict("A recovery of this person is open.", code="recovery_open") from error
    details: dict[str, str | bool] = {"desk": desk.id, "document": shown.document, "how": shown.method}
    details["second_officer_due"] = not alone
    record_recovery(session, services, EventType.DESK_RECOVERY_OPENED, row, actor=officer_id, details=details, now=now)
    context = {"desk": f"{desk.name}, {desk.city}", "stop": stop, "ready": in_words(ready_at) if ready_at else ""}
    notify_everywhere(session, services=services, person=person, template="recovery_opened", context=context, now=now)
    return as_recovery(row), code


def approve_recovery(
    session: Session,
    *,
    services: IdpServices,
    recovery_id: str,
    officer_id: str,
    institutions: Collection[str] | None,
    now: datetime,
) -> Recovery:
    """A second officer saw person and document, too: the delay begins.

    :raises Denied: (``own_recovery``, ``same_officer``), on record; :raises NotFound: (``unknown_recovery``),
    :raises Conflict: (``recovery_decided``, ``not_active``).
    """
    row = row_at_desks(session, recovery_id, institutions)
    _refuse_oneself(session, services, person_id=row.person_id, officer_id=officer_id, now=now)
    if accounts_in_one_hand(session, officer_id, row.officer_id):
        _refuse(session, services, Denied("Another officer agrees.", code="same_officer"), row, officer_id, now=now)
    person = hold_person(session, row.person_id)
    if not person.is_active:
        raise Conflict("Only an active account is given back.", code="not_active")
    ready_at = now + _delay(services, person)
    won = session.execute(
        update(DeskRecoveryRow)
        .where(
            DeskRecoveryRow.id == row.id,
            DeskRecoveryRow.closed_at.is_(None),
            DeskRecoveryRow.ready_at.is_(None),
            DeskRecoveryRow.expires_at > now,
        )
        .values(approved_by=officer_id, ready_at=ready_at, expires_at=ready_at + CODE_LIFETIME)
        .returning(DeskRecoveryRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise Conflict("This was decided before, or is too old.", code="recovery_decided")
    session.refresh(row)
    record_recovery(session, services, EventType.DESK_RECOVERY_APPROVED, row, actor=officer_id, now=now)
    return as_recovery(row)


def _delay(services: IdpServices, person: Person) -> timedelta:
    return delay_of(person.level, hours=services.settings.recovery_delay_hours)


def _stopped_lately(session: Session, person_id: str, *, now: datetime) -> bool:
    stopped = select(DeskRecoveryRow.id).where(
        DeskRecoveryRow.person_id == person_id,
        DeskRecoveryRow.outcome == "stopped",
        DeskRecoveryRow.closed_by != DeskRecoveryRow.officer_id,  # who lost the paper gets another
        DeskRecoveryRow.closed_at > now - DISTRUST,
    )
    return session.scalar(stopped.limit(1)) is not None


def _refuse_oneself(session: Session, services: IdpServices, *, person_id: str, officer_id: str, now: datetime) -> None:
    if accounts_in_one_hand(session, officer_id, person_id):
        error = Denied("Nobody recovers his own account.", code="own_recovery")
        _refuse(session, services, error, None, officer_id, subject=person_id, now=now)


def _refuse(
    session: Session,
    services: IdpServices,
    error: Denied,
    row: DeskRecoveryRow | None,
    actor: str,
    *,
    subject: str | None = None,
    now: datetime,
) -> None:
    event = Event(
        type=EventType.DESK_RECOVERY_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        subject=row.person_id if row else subject or actor,
        actor=actor,
        object_id=row.id if row else None,
    )
    services.journal.refuse(session, event, error, now=now)
