"""What a person may do in an application at this moment: the one question that tokens and decisions ask.

Time is asked here, at each use: nothing counts for longer because a job did not run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from idp.accounts.model import PersonRow
from idp.accounts.person import ACTIVE as ACTIVE_PERSON
from idp.clients.model import ClientRow
from idp.directory.model import InstitutionRow
from idp.rights.assignment import counting
from idp.rights.belonging import standing
from idp.rights.model import AssignmentRow, BelongingRow, RightsDeclarationRow, RoleOfferRow, RoleRow


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A role that counts now. :ivar institution_ruc: 13 digits, of who gave it."""

    assignment_id: str
    person_id: str
    role: str
    permissions: tuple[str, ...]
    institution_id: str
    institution_ruc: str
    institution_name: str


def counting_holdings(now: datetime) -> Select[*tuple[Any, ...]]:
    """Return the query of all that counts at ``now``; narrow it by person, application or institution.

    Who gave it must still be able to: an active institution that may use the application, to one of its own people.
    """
    wanted: Select[*tuple[Any, ...]] = (
        select(
            AssignmentRow.id,
            AssignmentRow.person_id,
            RoleRow.name,
            RoleRow.permissions,
            InstitutionRow.id.label("institution_id"),
            InstitutionRow.ruc,
            InstitutionRow.name.label("institution_name"),
        )
        .join(RoleRow, RoleRow.id == AssignmentRow.role_id)
        .join(BelongingRow, BelongingRow.id == AssignmentRow.belonging_id)
        .join(InstitutionRow, InstitutionRow.id == AssignmentRow.institution_id)
        .join(PersonRow, PersonRow.id == AssignmentRow.person_id)
        .join(ClientRow, ClientRow.client_id == AssignmentRow.client_id)
        .join(RightsDeclarationRow, RightsDeclarationRow.client_id == AssignmentRow.client_id)
        .outerjoin(
            RoleOfferRow,
            (RoleOfferRow.client_id == AssignmentRow.client_id)
            & (RoleOfferRow.institution_id == AssignmentRow.institution_id),
        )
        .where(
            *counting(now),
            *standing(now),
            RoleRow.retired_at.is_(None),
            InstitutionRow.active,
            PersonRow.status == ACTIVE_PERSON,
            RightsDeclarationRow.open_to_all
            | (ClientRow.institution_id == AssignmentRow.institution_id)
            | RoleOfferRow.client_id.is_not(None),
        )
        .order_by(RoleRow.name, AssignmentRow.id)
    )
    return wanted


def holdings_of(
    session: Session, *, person_id: str, client_id: str, institution_id: str | None = None, now: datetime
) -> list[Holding]:
    """Return the roles that the person holds in the application now.

    :param institution_id: those that this institution gave; None: whoever gave them.
    """
    wanted = counting_holdings(now).where(AssignmentRow.person_id == person_id, AssignmentRow.client_id == client_id)
    if institution_id is not None:
        wanted = wanted.where(AssignmentRow.institution_id == institution_id)
    return read_holdings(session, wanted)


def read_holdings(session: Session, wanted: Select[*tuple[Any, ...]]) -> list[Holding]:
    """Return what a query of :func:`counting_holdings` finds."""
    return [
        Holding(
            assignment_id=row.id,
            person_id=row.person_id,
            role=row.name,
            permissions=tuple(row.permissions),
            institution_id=row.institution_id,
            institution_ruc=row.ruc,
            institution_name=row.institution_name,
        )
        for row in session.execute(wanted)
    ]


def note_use(session: Session, holdings: Sequence[Holding], *, now: datetime) -> None:
    """Remember the day on which the roles were last told to their application; reports show it."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    session.execute(
        update(AssignmentRow)
        .where(
            AssignmentRow.id.in_([each.assignment_id for each in holdings]),
            (AssignmentRow.last_used_at.is_(None)) | (AssignmentRow.last_used_at < day),
        )
        .values(last_used_at=day)
        .execution_options(synchronize_session=False)
    )
