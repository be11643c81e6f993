"""Roles of the console in a configuration: by the person's id, then by role. A cédula would be personal data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from admin.as_code.work import Work
from admin.permissions import Role
from admin.roles import grant_role, list_role_holdings, withdraw_role
from idp.accounts.person import find_person
from idp.directory.institutions import find_institution_by_ruc

SECTION = "console_roles"
MEMBERS: Mapping[str, type] = {role.value: str for role in Role}
#: The reach of a role that is held for no institution in particular.
EVERYWHERE = "all"


def export_console_roles(session: Session) -> dict[str, Any]:
    """Return who holds which role, and where: ``all``, or the RUC of one institution."""
    held: dict[str, Any] = {}
    for each in sorted(list_role_holdings(session), key=lambda each: (each.person_id, each.role.value)):
        held.setdefault(each.person_id, {})[each.role.value] = each.institution_ruc or EVERYWHERE
    return held


def apply_console_roles(work: Work, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Give the roles that ``entries`` name; null takes one, and pruning takes those that are not there.

    :raises ServiceError: with the place in the file.
    """
    held = export_console_roles(work.session)
    for person_id, entry in entries.items():
        if person_id not in held:  # who holds one may still have to enrol: the first administrator, before his link
            with work.at(SECTION, person_id):
                find_person(work.session, person_id)
        before = held.get(person_id, {})
        for role, reach in entry.items():
            with work.at(SECTION, person_id, role):
                _hold(work, person_id, Role(role), before.get(role), reach)
    for person_id, roles in held.items() if work.prune else ():
        for role in sorted(set(roles) - set(entries.get(person_id, {}))):
            work.close_later((SECTION, person_id, role), partial(_withdraw, work, person_id, Role(role)))


def _hold(work: Work, person_id: str, role: Role, before: str | None, reach: str | None) -> None:
    if before == reach:
        return
    if reach is None:
        # The last administrator stays: whoever comes in the same file comes first.
        work.close_later((SECTION, person_id, role.value), partial(_withdraw, work, person_id, role))
        return
    if before is not None:
        _withdraw(work, person_id, role)
    grant_role(
        work.session,
        journal=work.journal,
        person_id=person_id,
        role=role,
        institution_ruc=None if reach == EVERYWHERE else find_institution_by_ruc(work.session, reach).ruc,
        actor=work.actor,
        now=work.now,
    )


def _withdraw(work: Work, person_id: str, role: Role) -> None:
    withdraw_role(work.session, journal=work.journal, person_id=person_id, role=role, actor=work.actor, now=work.now)
