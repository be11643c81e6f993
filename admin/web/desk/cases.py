"""The case that a page of the desk is about."""

from __future__ import annotations

from sqlalchemy.orm import Session

from admin.permissions import Permission
from admin.person_case import Case, find_case
from admin.web.accessor import services
from admin.web.gate import operator
from idp.desk.desks import list_desks


def case_at_hand(session: Session, case_id: str) -> Case:
    """Return this operator's opened case. :raises NotFound: (``no_case``)."""
    return find_case(session, case_id=case_id, operator_id=operator().person_id, now=services().clock.now())


def institutions_served(permission: Permission) -> frozenset[str] | None:
    """Return the RUCs whose desks this operator serves; None: all."""
    return operator().powers.institutions(permission)


def desk_choices(session: Session, permission: Permission) -> list[tuple[str, str]]:
    """Return the desks that this operator may name, for a field."""
    desks = list_desks(session, institutions=institutions_served(permission))
    return [(desk.id, f"{desk.city} · {desk.name}") for desk in desks]
