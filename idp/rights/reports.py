"""Reports: who holds what, since when, by whom; what nobody has looked at for long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idp.accounts.model import PersonRow
from idp.clients.model import ClientRow
from idp.directory.model import InstitutionRow
from idp.rights.assignment import ACTIVE, OPEN, PENDING, Assignment, assignment_value, not_over
from idp.rights.catalog import Role, role_value
from idp.rights.model import AssignmentRow, BelongingRow, RoleRow

PAGE = 200


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a report."""

    assignment: Assignment
    role: Role
    client_name: str
    person_name: str
    cedula: str
    institution_name: str
    institution_ruc: str
    post: str
    giver: str
    approver: str

    @property
    def granted_at(self) -> datetime:
        """When it was given, or proposed where it waits."""
        return self.assignment.decided_at or self.assignment.proposed_at


def report_holders(
    session: Session,
    *,
    client_id: str | None = None,
    institution_rucs: frozenset[str] | None = None,
    person_id: str | None = None,
    pending: bool = False,
    older_than: timedelta | None = None,
    limit: int = 10_000,
    now: datetime,
) -> list[Line]:
    """Return who holds what now, by institution, application, role and person.

    :param institution_rucs: the institutions that the reader may see; None: all.
    :param pending: what waits for a second person instead.
    :param older_than: only what was given longer ago than this: for recertification.
    """
    wanted = (
        select(AssignmentRow, RoleRow, ClientRow.name, PersonRow, InstitutionRow, BelongingRow.post)
        .join(RoleRow, RoleRow.id == AssignmentRow.role_id)
        .join(ClientRow, ClientRow.client_id == AssignmentRow.client_id)
        .join(PersonRow, PersonRow.id == AssignmentRow.person_id)
        .join(InstitutionRow, InstitutionRow.id == AssignmentRow.institution_id)
        .join(BelongingRow, BelongingRow.id == AssignmentRow.belonging_id)
        .where(
            AssignmentRow.status == (PENDING if pending else ACTIVE),
            not_over(now),
            RoleRow.retired_at.is_(None),
            BelongingRow.ended_at.is_(None),
        )
        .order_by(InstitutionRow.name, ClientRow.name, RoleRow.name, PersonRow.surnames, AssignmentRow.id)
        .limit(limit)
    )
    if client_id is not None:
        wanted = wanted.where(AssignmentRow.client_id == client_id)
    if institution_rucs is not None:
        wanted = wanted.where(InstitutionRow.ruc.in_(institution_rucs))
    if person_id is not None:
        wanted = wanted.where(AssignmentRow.person_id == person_id)
    if older_than is not None:
        wanted = wanted.where(AssignmentRow.proposed_at <= now - older_than)
    rows = session.execute(wanted).all()
    names = _names(session, {each for row in rows for each in (row[0].proposed_by, row[0].decided_by) if each})
    return [
        Line(
            assignment=assignment_value(assignment),
            role=role_value(role),
            client_name=client_name,
            person_name=f"{person.given_names} {person.surnames}".strip(),
            cedula=person.cedula or "",
            institution_name=institution.name,
            institution_ruc=institution.ruc,
            post=post,
            giver=names.get(assignment.proposed_by, assignment.proposed_by),
            approver=names.get(assignment.decided_by or "", assignment.decided_by or ""),
        )
        for assignment, role, client_name, person, institution, post in rows
    ]


def count_open(session: Session, *, role_id: str) -> int:
    """Return how many hold the role or wait for it."""
    return len(
        session.scalars(
            select(AssignmentRow.id).where(AssignmentRow.role_id == role_id, AssignmentRow.status.in_(OPEN))
        ).all()
    )


def count_holders(session: Session, *, client_id: str) -> dict[str, int]:
    """Return how many assignments of each of the application's roles are active, by the role's name."""
    counted = session.execute(
        select(RoleRow.name, func.count())
        .join(AssignmentRow, AssignmentRow.role_id == RoleRow.id)
        .where(RoleRow.client_id == client_id, RoleRow.retired_at.is_(None), AssignmentRow.status == ACTIVE)
        .group_by(RoleRow.name)
    )
    return {row[0]: row[1] for row in counted}


def _names(session: Session, ids: set[str]) -> dict[str, str]:
    rows = session.execute(
        select(PersonRow.id, PersonRow.given_names, PersonRow.surnames).where(PersonRow.id.in_(sorted(ids)))
    )
    return {row.id: f"{row.given_names} {row.surnames}".strip() for row in rows}
