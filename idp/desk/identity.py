"""A person's identity, checked at a desk: by one officer, or by two where the operator wants it so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.life import verify_identity
from idp.accounts.one_hand import accounts_in_one_hand
from idp.accounts.person import VERIFIED_LEVEL, Person, find_person, hold_person
from idp.desk.desks import require_desk
from idp.desk.document import DocumentShown
from idp.desk.model import DeskRow, IdentityCheckRow
from idp.services import IdpServices
from kernel.errors import Conflict, Denied, NotFound
from kernel.identifiers import new_id

# A second officer decides within the day: later nobody remembers whom he saw.
PROPOSAL_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True)
class IdentityCheck:
    """A check. :ivar state: ``proposed`` (a second officer is due), ``done`` or ``refused``."""

    id: str
    person_id: str
    officer_id: str
    desk_id: str
    shown: DocumentShown
    state: str
    created_at: datetime
    decided_by: str | None


def check_identity(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    desk_id: str,
    shown: DocumentShown,
    officer_id: str,
    institutions: Collection[str] | None,
    now: datetime,
) -> IdentityCheck:
    """Put on record that an officer compared a person with a document; the person then has level 2.

    With ``SAU_DESK_PEOPLE=2`` it is proposed, and a second officer decides.

    :param institutions: RUCs whose desks the officer serves; None: all.
    :raises Denied: (``own_identity``), on record; :raises Rejected: (``unknown_desk``);
    :raises Conflict: (``not_active``, ``check_waits``: a proposal waits already).
    """
    _refuse_oneself(session, services, person_id=person_id, officer_id=officer_id, now=now)
    desk = require_desk(session, desk_id, institutions=institutions)
    if not hold_person(session, person_id).is_active:
        raise Conflict("Only an active account has an identity to verify.", code="not_active")
    _drop_old_proposal(session, person_id, now=now)
    waits = services.settings.desk_people == 2
    row = IdentityCheckRow(
        id=new_id(),
        person_id=person_id,
        officer_id=officer_id,
        desk_id=desk.id,
        document=shown.document,
        method=shown.method,
        state="proposed" if waits else "done",
        created_at=now,
        decided_at=None if waits else now,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise Conflict("A check of this person waits for a second officer.", code="check_waits") from error
    if waits:
        _record(session, services, EventType.IDENTITY_CHECK_PROPOSED, row, actor=officer_id, now=now)
    else:
        _raise_level(session, services, row, now=now)
    return _value(row)


def approve_check(
    session: Session,
    *,
    services: IdpServices,
    check_id: str,
    officer_id: str,
    institutions: Collection[str] | None,
    now: datetime,
) -> IdentityCheck:
    """The second officer saw the same: the person has level 2. Exactly one decision counts.

    :raises Denied: (``own_identity``, ``same_officer``), on record; :raises NotFound: (``unknown_check``),
    :raises Conflict: (``check_decided``, ``not_active``).
    """
    row = _decide(session, services, check_id, "done", officer_id=officer_id, institutions=institutions, now=now)
    _raise_level(session, services, row, now=now)
    return _value(row)


def refuse_check(
    session: Session,
    *,
    services: IdpServices,
    check_id: str,
    officer_id: str,
    institutions: Collection[str] | None,
    now: datetime,
) -> IdentityCheck:
    """The second officer did not see the same: nothing changes. Errors as :func:`approve_check`."""
    row = _decide(session, services, check_id, "refused", officer_id=officer_id, institutions=institutions, now=now)
    _record(session, services, EventType.IDENTITY_CHECK_REFUSED, row, actor=officer_id, now=now)
    return _value(row)


def list_waiting_checks(
    session: Session, *, institutions: Collection[str] | None, now: datetime
) -> list[IdentityCheck]:
    """Return the proposals that a second officer may decide, oldest first."""
    query = (
        select(IdentityCheckRow)
        .join(DeskRow, DeskRow.id == IdentityCheckRow.desk_id)
        .where(IdentityCheckRow.state == "proposed", IdentityCheckRow.created_at > now - PROPOSAL_LIFETIME)
        .order_by(IdentityCheckRow.id)
        .limit(100)
    )
    if institutions is not None:
        query = query.where(DeskRow.institution_ruc.in_(institutions))
    return [_value(row) for row in session.scalars(query)]


def list_checks_of(session: Session, person_id: str) -> list[IdentityCheck]:
    """Return the checks of a person, newest first."""
    query = select(IdentityCheckRow).where(IdentityCheckRow.person_id == person_id).order_by(IdentityCheckRow.id.desc())
    return [_value(row) for row in session.scalars(query.limit(20))]


def _decide(
    session: Session,
    services: IdpServices,
    check_id: str,
    state: str,
    *,
    officer_id: str,
    institutions: Collection[str] | None,
    now: datetime,
) -> IdentityCheckRow:
    row = session.get(IdentityCheckRow, check_id)
    desk = session.get(DeskRow, row.desk_id) if row else None
    if row is None or desk is None or (institutions is not None and desk.institution_ruc not in institutions):
        raise NotFound("There is no such check.", code="unknown_check")
    _refuse_oneself(session, services, person_id=row.person_id, officer_id=officer_id, now=now)
    if accounts_in_one_hand(session, officer_id, row.officer_id):
        error = Denied("Another officer decides.", code="same_officer")
        event = Event(
            type=EventType.IDENTITY_CHECK_REFUSED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            subject=row.person_id,
            actor=officer_id,
            object_id=row.id,
        )
        services.journal.refuse(session, event, error, now=now)
    won = session.execute(
        update(IdentityCheckRow)
        .where(
            IdentityCheckRow.id == check_id,
            IdentityCheckRow.state == "proposed",
            IdentityCheckRow.created_at > now - PROPOSAL_LIFETIME,
        )
        .values(state=state, decided_by=officer_id, decided_at=now)
        .returning(IdentityCheckRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise Conflict("This check was decided before, or is too old.", code="check_decided")
    session.refresh(row)
    return row


def _raise_level(session: Session, services: IdpServices, row: IdentityCheckRow, *, now: datetime) -> Person:
    person = find_person(session, row.person_id)
    evidence = {"method": "desk", "check": row.id, "desk": row.desk_id, "document": row.document, "how": row.method}
    if row.decided_by:
        evidence["second_officer"] = row.decided_by
    return verify_identity(
        session,
        services=services,
        person_id=person.id,
        level=max(person.level, VERIFIED_LEVEL),
        actor=row.officer_id,
        evidence=evidence,
        now=now,
    )


def _refuse_oneself(session: Session, services: IdpServices, *, person_id: str, officer_id: str, now: datetime) -> None:
    if not accounts_in_one_hand(session, officer_id, person_id):
        return
    error = Denied("Nobody verifies his own identity.", code="own_identity")
    event = Event(
        type=EventType.IDENTITY_CHECK_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        subject=person_id,
        actor=officer_id,
    )
    services.journal.refuse(session, event, error, now=now)


def _drop_old_proposal(session: Session, person_id: str, *, now: datetime) -> None:
    session.execute(
        update(IdentityCheckRow)
        .where(
            IdentityCheckRow.person_id == person_id,
            IdentityCheckRow.state == "proposed",
            IdentityCheckRow.created_at <= now - PROPOSAL_LIFETIME,
        )
        .values(state="refused", decided_at=now)
    )


def _record(
    session: Session, services: IdpServices, kind: EventType, row: IdentityCheckRow, *, actor: str, now: datetime
) -> None:
    details = {"desk": row.desk_id, "document": row.document, "how": row.method}
    event = Event(type=kind, subject=row.person_id, actor=actor, object_id=row.id, details=details)
    services.journal.record(session, event, now=now)


def _value(row: IdentityCheckRow) -> IdentityCheck:
    return IdentityCheck(
        id=row.id,
        person_id=row.person_id,
        officer_id=row.officer_id,
        desk_id=row.desk_id,
        shown=DocumentShown(row.document, row.method),
        state=row.state,
        created_at=row.created_at,
        decided_by=row.decided_by,
    )
