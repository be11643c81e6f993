"""Delegated administrators: who may give, or approve, which roles within one institution."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType, Outcome
from idp.accounts.one_hand import in_one_hand
from idp.accounts.person import hold_person
from idp.directory.model import InstitutionRow
from idp.rights.belonging import find_belonging_of, standing
from idp.rights.catalog import find_role, may_use
from idp.rights.model import BelongingRow, DelegationRow
from kernel.errors import Conflict, Denied, NotFound, ServiceError
from kernel.identifiers import new_id

#: The operator at the command line: trusted with the whole service, and on record under this name.
COMMAND = "command"


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """One role in the hands of somebody who may give it, approve it, or both."""

    id: str
    institution_id: str
    person_id: str
    role_id: str
    may_assign: bool
    may_approve: bool
    granted_by: str
    granted_at: datetime


def delegate(
    session: Session,
    *,
    journal: Journal,
    institution_id: str,
    person_id: str,
    role_id: str,
    may_assign: bool,
    may_approve: bool,
    actor: str,
    now: datetime,
) -> Delegation:
    """Let a person of the institution give, or approve, one role there.

    :raises NotFound: ``unknown_person``, ``unknown_role``, ``role_not_offered``.
    :raises Denied: ``own_delegation`` (nobody delegates to himself, with two accounts neither), ``not_of_institution``;
        on record.
    :raises Conflict: ``delegated_already``.
    """
    person = hold_person(session, person_id)
    role = find_role(session, role_id)

    def refuse(error: ServiceError) -> NoReturn:
        event = Event(
            type=EventType.DELEGATION_GRANTED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            subject=person_id,
            actor=actor,
            client_id=role.client_id,
            object_id=institution_id,
            details={"role": role.name},
        )
        journal.refuse(session, event, error, now=now)

    if in_one_hand(session, actor, person):
        refuse(Denied("Nobody delegates to himself.", code="own_delegation"))
    if role.retired or not may_use(session, client_id=role.client_id, institution_id=institution_id):
        raise NotFound("The institution may not use this role.", code="role_not_offered")
    belonging = find_belonging_of(session, institution_id=institution_id, person_id=person_id)
    if belonging is None or not belonging.stands(now):
        refuse(Denied("Only somebody who works there administers its rights.", code="not_of_institution"))
    row = DelegationRow(
        id=new_id(),
        institution_id=institution_id,
        person_id=person_id,
        role_id=role_id,
        may_assign=may_assign,
        may_approve=may_approve,
        granted_by=actor,
        granted_at=now,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise Conflict("This role is delegated to the person already.", code="delegated_already") from error
    event = Event(
        type=EventType.DELEGATION_GRANTED,
        subject=person_id,
        actor=actor,
        client_id=role.client_id,
        object_id=institution_id,
        details={"role": role.name, "may_assign": may_assign, "may_approve": may_approve},
    )
    journal.record(session, event, now=now)
    return delegation_value(row)


def withdraw_delegation(
    session: Session, *, journal: Journal, delegation_id: str, actor: str, now: datetime
) -> Delegation:
    """Take a delegation back; what was given by it stays. :raises NotFound: (``unknown_delegation``)."""
    row = session.scalars(
        update(DelegationRow)
        .where(DelegationRow.id == delegation_id, DelegationRow.withdrawn_at.is_(None))
        .values(withdrawn_at=now, withdrawn_by=actor)
        .returning(DelegationRow)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such delegation.", code="unknown_delegation")
    taken = delegation_value(row)
    event = Event(
        type=EventType.DELEGATION_WITHDRAWN,
        subject=taken.person_id,
        actor=actor,
        client_id=find_role(session, taken.role_id).client_id,
        object_id=taken.institution_id,
        details={"role": find_role(session, taken.role_id).name},
    )
    journal.record(session, event, now=now)
    return taken


def find_delegation(session: Session, delegation_id: str) -> Delegation:
    """Return a delegation that was not withdrawn. :raises NotFound: (``unknown_delegation``)."""
    row = session.get(DelegationRow, delegation_id)
    if row is None or row.withdrawn_at is not None:
        raise NotFound("There is no such delegation.", code="unknown_delegation")
    return delegation_value(row)


def list_delegations(
    session: Session, *, institution_id: str | None = None, person_id: str | None = None
) -> list[Delegation]:
    """Return the delegations that were not withdrawn, oldest first."""
    wanted = select(DelegationRow).where(DelegationRow.withdrawn_at.is_(None)).order_by(DelegationRow.id)
    if institution_id is not None:
        wanted = wanted.where(DelegationRow.institution_id == institution_id)
    if person_id is not None:
        wanted = wanted.where(DelegationRow.person_id == person_id)
    return [delegation_value(row) for row in session.scalars(wanted)]


def delegated_institutions(session: Session, person_id: str, *, now: datetime) -> list[str]:
    """Return the RUCs of the active institutions whose rights the person administers now, in order.

    He must work there still: the delegation of somebody who left, or whose time was over, counts for nothing.
    """
    rucs = session.scalars(
        select(InstitutionRow.ruc)
        .join(DelegationRow, DelegationRow.institution_id == InstitutionRow.id)
        .join(
            BelongingRow,
            (BelongingRow.institution_id == InstitutionRow.id) & (BelongingRow.person_id == DelegationRow.person_id),
        )
        .where(
            DelegationRow.person_id == person_id,
            DelegationRow.withdrawn_at.is_(None),
            InstitutionRow.active,
            *standing(now),
        )
        .distinct()
    )
    return sorted(rucs)


def holds_delegation(
    session: Session, *, actor: str, institution_id: str, role_id: str, to_approve: bool, now: datetime
) -> bool:
    """Tell whether ``actor`` may give (or approve) the role there now."""
    if actor == COMMAND:
        return True
    belonging = find_belonging_of(session, institution_id=institution_id, person_id=actor)
    if belonging is None or not belonging.stands(now):
        return False
    needed = DelegationRow.may_approve if to_approve else DelegationRow.may_assign
    wanted = select(DelegationRow.id).where(
        DelegationRow.institution_id == institution_id,
        DelegationRow.person_id == actor,
        DelegationRow.role_id == role_id,
        DelegationRow.withdrawn_at.is_(None),
        needed,
    )
    return session.scalars(wanted).first() is not None


def delegation_value(row: DelegationRow) -> Delegation:
    """Return a row as a value."""
    return Delegation(
        id=row.id,
        institution_id=row.institution_id,
        person_id=row.person_id,
        role_id=row.role_id,
        may_assign=row.may_assign,
        may_approve=row.may_approve,
        granted_by=row.granted_by,
        granted_at=row.granted_at,
    )
