"""What a person may do in an application at this moment: the one question that tokens and decisions ask.

Time is asked here, at each use: nothing counts for longer because a job did not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.orm import Session

from idp.accounts.model import PersonRow
from idp.accounts.person import ACTIVE as ACTIVE_PERSON
from idp.clients.model import ClientRow
from idp.directory.model import InstitutionRow
from idp.rights.assignment import counting
from idp.rights.belonging import Moment, standing
from idp.rights.model import AssignmentRow, BelongingRow, RightsDeclarationRow, RoleOfferRow, RoleRow
from kernel.column_types import UtcDateTime
from kernel.prefetch import UNKNOWN, kept

_USE_GRAIN = timedelta(hours=1)


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
    last_used_at: datetime | None


def counting_holdings(now: Moment) -> Select[*tuple[Any, ...]]:
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
            AssignmentRow.last_used_at,
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
    found = kept(session, Holding, (person_id, client_id))
    if found is UNKNOWN:
        given = {"now": now, "person_id": person_id, "client_id": client_id}
        found = read_holdings(session, _of_person(), given)
    return [each for each in found if institution_id in (None, each.institution_id)]


@cache
def _of_person() -> Select[*tuple[Any, ...]]:
    """Return the query that is asked most, built once."""
    return counting_holdings(bindparam("now", type_=UtcDateTime())).where(
        AssignmentRow.person_id == bindparam("person_id"), AssignmentRow.client_id == bindparam("client_id")
    )


def read_holdings(
    session: Session, wanted: Select[*tuple[Any, ...]], given: Mapping[str, Any] | None = None
) -> list[Holding]:
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
            last_used_at=row.last_used_at,
        )
        for row in session.execute(wanted, given)
    ]


def used_lately(holding: Holding, now: datetime) -> bool:
    """Tell whether the use of the role was noted in the last hour."""
    return holding.last_used_at is not None and now - holding.last_used_at < _USE_GRAIN


def note_use(session: Session, holdings: Sequence[Holding], *, now: datetime) -> int:
    """Remember when the roles were last told to their application, once an hour at most; return how many were noted."""
    stale = sorted(each.assignment_id for each in holdings if not used_lately(each, now))
    if not stale:
        return 0
    noted = session.execute(
        update(AssignmentRow)
        .where(
            AssignmentRow.id.in_(stale),
            (AssignmentRow.last_used_at.is_(None)) | (AssignmentRow.last_used_at <= now - _USE_GRAIN),
        )
        .values(last_used_at=now)
        .returning(AssignmentRow.id)
        .execution_options(synchronize_session=False)
    )
    return len(noted.all())
