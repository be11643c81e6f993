"""Giving and taking roles of the console, as the pages and the API do: to people and institutions that exist."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from admin.model import RoleAssignment
from admin.permissions import Role
from admin.roles import RoleHolding, grant_role, list_role_holdings, withdraw_role
from audit.journal import Journal
from idp.accounts.person import find_person
from idp.directory.institutions import list_institutions
from kernel.errors import NotFound, Rejected


def give_role(
    session: Session,
    *,
    journal: Journal,
    person_id: str,
    role: Role,
    institution_ruc: str | None,
    actor: str,
    now: datetime,
) -> RoleHolding:
    """Give a role. :raises NotFound: ``unknown_person``. :raises Rejected: ``unknown_institution``.

    :raises ServiceError: as :func:`admin.roles.grant_role`.
    """
    find_person(session, person_id)
    if institution_ruc and institution_ruc not in {item.ruc for item in list_institutions(session)}:
        raise Rejected("There is no such institution.", code="unknown_institution")
    return grant_role(
        session,
        journal=journal,
        person_id=person_id,
        role=role,
        institution_ruc=institution_ruc or None,
        actor=actor,
        now=now,
    )


def find_holding(session: Session, holding_id: str) -> RoleHolding:
    """Return a role that is held now. :raises NotFound: ``role_not_held``."""
    row = session.get(RoleAssignment, holding_id)
    for each in list_role_holdings(session, person_id=row.person_id) if row else []:
        if each.id == holding_id:
            return each
    raise NotFound("Nobody holds this role now.", code="role_not_held")


def take_role(session: Session, *, journal: Journal, holding_id: str, actor: str, now: datetime) -> RoleHolding:
    """Take a role back. :raises ServiceError: as :func:`find_holding` and :func:`admin.roles.withdraw_role`."""
    held = find_holding(session, holding_id)
    return withdraw_role(session, journal=journal, person_id=held.person_id, role=held.role, actor=actor, now=now)
