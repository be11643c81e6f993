"""Which group of a directory, or of another provider, gives which role: what both pages show and choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from idp.clients.client import list_clients
from idp.directory.institutions import Institution
from idp.rights.catalog import find_role, list_roles, may_use
from idp.rights.groups.mapping import GroupRole, list_group_roles
from web.locale import current_language


@dataclass(frozen=True)
class GroupRoles:
    """What stands, and what can be added.

    :ivar applications: their names, by id.
    :ivar choices: roles that the institution may use and a group may give, each with its application; first, none.
    :ivar locale: the language in which roles are named.
    """

    lines: list[GroupRole]
    applications: Mapping[str, str]
    choices: list[tuple[str, str]]
    locale: str


def group_roles(session: Session, *, source_id: str, institution: Institution) -> GroupRoles:
    """Return the roles that the groups of a directory or a provider give to people of its institution."""
    applications = {each.client_id: each.name for each in list_clients(session)}
    said = current_language()
    choices = [
        (role.id, f"{applications.get(role.client_id, role.client_id)}: {role.said(said)}")
        for role in list_roles(session)
        if not role.sensitive and may_use(session, client_id=role.client_id, institution_id=institution.id)
    ]
    return GroupRoles(
        lines=list_group_roles(session, source_id=source_id),
        applications=applications,
        choices=[("", _("Elija un rol")), *sorted(choices, key=lambda choice: choice[1])],
        locale=said,
    )


def role_that_ends(session: Session) -> dict[str, Any]:
    """Return what the question shows before a group gives a role no longer: the one that the address names.

    :raises NotFound: if there is no such role.
    """
    role = find_role(session, request.args.get("role", "")[:26])
    applications = {each.client_id: each.name for each in list_clients(session)}
    return {
        "group": request.args.get("group", "")[:500],
        "role": role,
        "application": applications.get(role.client_id, role.client_id),
        "locale": current_language(),
    }
