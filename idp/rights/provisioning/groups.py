"""Groups of a personnel system: the roles that its institution may give, and whom the system itself put into them.

A role is declared by its application, so a group is neither made nor deleted nor renamed here. Members are those whom
this system named: what people gave is theirs, is not shown, and is not taken away by replacing a list.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.clients.client import find_client
from idp.rights.assignment import OPEN, PENDING, assign_role, end_assignment, not_over
from idp.rights.belonging import find_belonging
from idp.rights.catalog import Role, find_role, list_roles, may_use
from idp.rights.model import AssignmentRow
from idp.rights.provisioning.filter import parse_filter
from idp.rights.provisioning.users import institution_of
from idp.services import IdpServices
from idp.tokens.own_api import CallingService
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import sha256_hex

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
#: Ours: which role of which application the group is, and who waits for a second person.
ROLE = "urn:sau:params:scim:schemas:1.0:Role"
REASON = "Sistema de personal"
MOST_CHANGES = 200
_FILTERED = {
    "id": "id",
    "displayname": "displayName",
    f"{ROLE}:application".lower(): "application",
    f"{ROLE}:name".lower(): "name",
}
_ONE_MEMBER = re.compile(r"""members\[\s*value\s+eq\s+"([^"]{1,64})"\s*\]""", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Group:
    """A role as a group. :ivar members: and ``waiting``: assignments by id of the user, as this system gave them."""

    role: Role
    application: str
    members: Mapping[str, str]
    waiting: Mapping[str, str]

    @property
    def display_name(self) -> str:
        """What people of the personnel system read."""
        return f"{self.application}: {self.role.said('es')}"

    @property
    def etag(self) -> str:
        """The version of the resource (RFC 7644 §3.14): another with every change of what it shows."""
        told = [self.display_name, self.role.name, str(self.role.needs_approval), str(self.role.sensitive)]
        told += [*sorted(self.members), "", *sorted(self.waiting)]
        return f'W/"{sha256_hex(chr(10).join(told))[:24]}"'


def group_document(group: Group, *, base: str, without_members: bool = False) -> dict[str, Any]:
    """Return the resource (RFC 7643 §4.2)."""

    def named(users: Collection[str]) -> list[dict[str, str]]:
        return [{"value": each, "$ref": f"{base}/Users/{each}", "type": "User"} for each in sorted(users)]

    role: dict[str, Any] = {
        "application": group.role.client_id,
        "name": group.role.name,
        "needsApproval": group.role.needs_approval,
        "sensitive": group.role.sensitive,
    }
    document: dict[str, Any] = {
        "schemas": [GROUP, ROLE],
        "id": group.role.id,
        "displayName": group.display_name,
        ROLE: role,
        "meta": {
            "resourceType": "Group",
            "version": group.etag,
            "location": f"{base}/Groups/{group.role.id}",
        },
    }
    if not without_members:
        document["members"] = named(group.members)
        role["waiting"] = named(group.waiting)
    return document


def list_groups(
    session: Session,
    *,
    caller: CallingService,
    text: str,
    start: int,
    count: int,
    without_members: bool,
    base: str,
    now: datetime,
) -> dict[str, Any]:
    """Return a part of the roles that the institution may give, those that the filter wants (RFC 7644 §3.4.2)."""
    institution_id = institution_of(session, caller)
    usable: dict[str, bool] = {}
    roles: list[Role] = []
    for role in list_roles(session):
        if role.client_id not in usable:
            usable[role.client_id] = may_use(session, client_id=role.client_id, institution_id=institution_id)
        if usable[role.client_id]:
            roles.append(role)
    if text:
        matches = parse_filter(text, attributes=_FILTERED)
        roles = [role for role in roles if matches(_told(session, role))]
    part = [_group(session, caller, institution_id, role, now=now) for role in roles[start - 1 : start - 1 + count]]
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(roles),
        "startIndex": start,
        "itemsPerPage": len(part),
        "Resources": [group_document(each, base=base, without_members=without_members) for each in part],
    }


def read_group(session: Session, *, caller: CallingService, group_id: str, now: datetime) -> Group:
    """Return one. :raises NotFound: (``unknown_role``) also for a role that the institution may not give."""
    institution_id, role = institution_of(session, caller), find_role(session, group_id)
    if role.retired or not may_use(session, client_id=role.client_id, institution_id=institution_id):
        raise NotFound("There is no such role.", code="unknown_role")
    return _group(session, caller, institution_id, role, now=now)


def change_members(
    session: Session,
    *,
    services: IdpServices,
    caller: CallingService,
    group: Group,
    wanted: Collection[str],
    if_match: str | None,
    now: datetime,
) -> Group:
    """Make ``wanted`` (ids of users) the members; all of it or nothing. Where a second person decides they wait.

    :raises Conflict: ``changed_meanwhile`` (the version is another), ``role_held_already`` (given by a person),
        ``roles_exclude_each_other``, ``not_active``. :raises Denied: ``sensitive_role``, on record.
    :raises Rejected: ``invalid_value``: a member that is no user of this institution; ``too_many``.
    """
    if if_match not in (None, "*", group.etag):
        raise Conflict("Somebody else changed this meanwhile.", code="changed_meanwhile")
    institution_id = institution_of(session, caller)
    held = {**group.members, **group.waiting}
    new, gone = sorted(set(wanted) - held.keys()), sorted(held.keys() - set(wanted))
    if len(new) + len(gone) > MOST_CHANGES:
        raise Rejected(f"{MOST_CHANGES} members are changed at once at most.", code="too_many")
    # What is denied is denied before anything is changed: its record is committed.
    for person_id in sorted(_person_of(session, each, institution_id) for each in new):
        assign_role(
            session,
            journal=services.journal,
            institution_id=institution_id,
            person_id=person_id,
            role_id=group.role.id,
            reason=REASON,
            actor=caller.client_id,
            by_system=True,
            now=now,
        )
    for each in gone:
        end_assignment(
            session,
            journal=services.journal,
            assignment_id=held[each],
            institution_id=institution_id,
            reason=REASON,
            actor=caller.client_id,
            now=now,
        )
    return _group(session, caller, institution_id, group.role, now=now)


def members_put(body: Mapping[str, Any], group: Group) -> set[str]:
    """Return the members that a PUT request names (RFC 7644 §3.5.1).

    :raises Rejected: ``invalid_value``; ``immutable`` for another name than the group has.
    """
    if body.get("displayName", group.display_name) != group.display_name:
        raise Rejected("A role is named by its application.", code="immutable")
    return _values(body.get("members", []))


def members_patched(body: Mapping[str, Any], group: Group) -> set[str]:
    """Return the members after a PATCH request (RFC 7644 §3.5.2): ``add``, ``remove`` and ``replace`` of members.

    :raises Rejected: ``invalid_value``, ``immutable``, ``no_target`` (a path that names nothing here).
    """
    operations = body.get("Operations")
    if not isinstance(operations, list) or not 0 < len(operations) <= MOST_CHANGES:
        raise Rejected(f"Operations is a list of {MOST_CHANGES} at most.", code="invalid_value")
    members = {*group.members, *group.waiting}
    for each in operations:
        if not isinstance(each, dict):
            raise Rejected("An operation is an object.", code="invalid_value")
        members = _after(members, each, group)
    return members


def _after(members: set[str], operation: Mapping[str, Any], group: Group) -> set[str]:
    kind, path, value = str(operation.get("op", "")).lower(), operation.get("path"), operation.get("value")
    one = _ONE_MEMBER.fullmatch(path) if isinstance(path, str) else None
    if kind == "remove":
        if one is not None:
            return members - {one[1]}
        if path is None or str(path).lower() != "members":
            raise Rejected("Members are removed, and nothing else.", code="no_target")
        return members - (_values(value) if value is not None else members)
    if kind not in ("add", "replace"):
        raise Rejected("op is add, remove or replace.", code="invalid_value")
    if path is None:
        if not isinstance(value, dict):
            raise Rejected("Without a path the value is an object.", code="invalid_value")
        others = {name: held for name, held in value.items() if str(name).lower() != "members"}
        if others and others != {"displayName": group.display_name}:
            raise Rejected("A role is named by its application.", code="immutable")
        value = next((held for name, held in value.items() if str(name).lower() == "members"), None)
        if value is None:
            return members
    elif str(path).lower() == "displayname":
        raise Rejected("A role is named by its application.", code="immutable")
    elif str(path).lower() != "members":
        raise Rejected("Members are changed, and nothing else.", code="no_target")
    return _values(value) if kind == "replace" else members | _values(value)


def _values(value: object) -> set[str]:
    listed = value if isinstance(value, list) else [value]
    values = [each.get("value") if isinstance(each, dict) else None for each in listed]
    if len(values) > 10_000 or not all(isinstance(each, str) and 0 < len(each) <= 64 for each in values):
        raise Rejected("members is a list of objects with a value each.", code="invalid_value")
    return {str(each) for each in values}


def _person_of(session: Session, user_id: str, institution_id: str) -> str:
    try:
        belonging = find_belonging(session, user_id, institution_id=institution_id)
    except NotFound as error:
        raise Rejected("A member is no user of this institution.", code="invalid_value") from error
    if belonging.ended_at is not None:
        raise Rejected("A member is no user of this institution.", code="invalid_value")
    return belonging.person_id


def _group(session: Session, caller: CallingService, institution_id: str, role: Role, *, now: datetime) -> Group:
    rows = session.execute(
        select(AssignmentRow.id, AssignmentRow.belonging_id, AssignmentRow.status).where(
            AssignmentRow.role_id == role.id,
            AssignmentRow.institution_id == institution_id,
            AssignmentRow.proposed_by == caller.client_id,
            AssignmentRow.status.in_(OPEN),
            not_over(now),
        )
    ).all()
    return Group(
        role=role,
        application=find_client(session, role.client_id).name,
        members={row.belonging_id: row.id for row in rows if row.status != PENDING},
        waiting={row.belonging_id: row.id for row in rows if row.status == PENDING},
    )


def _told(session: Session, role: Role) -> dict[str, str]:
    application = find_client(session, role.client_id).name
    return {
        "id": role.id,
        "displayName": f"{application}: {role.said('es')}",
        "application": role.client_id,
        "name": role.name,
    }
