"""What institutions say a person is and may do, for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.my_data import Entry, Section
from idp.directory.model import InstitutionRow
from idp.rights.model import AssignmentRow, BelongingRow, DelegationRow, RoleRow
from idp.services import IdpServices


def read_belongings(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return where the person works or worked."""
    rows = session.execute(
        select(BelongingRow, InstitutionRow.name)
        .outerjoin(InstitutionRow, InstitutionRow.id == BelongingRow.institution_id)
        .where(BelongingRow.person_id == person_id)
        .order_by(BelongingRow.created_at.desc(), BelongingRow.id.desc())
    )
    return [
        {
            "institution": name,
            "post": row.post,
            "name": row.user_name,
            "created_at": row.since,
            "expires_at": row.until,
            "ended_at": row.ended_at,
            "end_reason": row.ended_reason,
        }
        for row, name in rows
    ]


def read_rights(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return the roles that institutions gave or proposed, and those that the person may give to others."""
    given = session.execute(
        select(AssignmentRow, InstitutionRow.name, RoleRow.name)
        .outerjoin(InstitutionRow, InstitutionRow.id == AssignmentRow.institution_id)
        .outerjoin(RoleRow, RoleRow.id == AssignmentRow.role_id)
        .where(AssignmentRow.person_id == person_id)
        .order_by(AssignmentRow.proposed_at.desc(), AssignmentRow.id.desc())
    )
    told: list[Entry] = [
        {
            "what": "role",
            "name": role,
            "institution": institution,
            "state": row.status,
            "created_at": row.valid_from,
            "expires_at": row.valid_until,
            "ended_at": row.ended_at,
            "last_used_at": row.last_used_at,
        }
        for row, institution, role in given
    ]
    delegated = session.execute(
        select(DelegationRow, InstitutionRow.name, RoleRow.name)
        .outerjoin(InstitutionRow, InstitutionRow.id == DelegationRow.institution_id)
        .outerjoin(RoleRow, RoleRow.id == DelegationRow.role_id)
        .where(DelegationRow.person_id == person_id)
        .order_by(DelegationRow.granted_at.desc(), DelegationRow.id.desc())
    )
    told += [
        {
            "what": "delegation",
            "name": role,
            "institution": institution,
            "state": "ended" if row.withdrawn_at else "active",
            "created_at": row.granted_at,
            "expires_at": None,
            "ended_at": row.withdrawn_at,
            "last_used_at": None,
        }
        for row, institution, role in delegated
    ]
    return told


BELONGINGS = Section(name="belongings", read=read_belongings, tables=("idp_belonging",))
RIGHTS = Section(name="rights", read=read_rights, tables=("idp_role_assignment", "idp_delegation"))
