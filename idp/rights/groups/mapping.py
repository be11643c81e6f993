"""The operator's table: which group is worth which role of which application."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idp.rights.catalog import Role, list_roles, may_use, role_value
from idp.rights.groups.source import LONGEST_GROUP, GroupSource
from idp.rights.model import GroupRoleRow, RoleRow
from kernel.errors import NotFound, Rejected
from kernel.identifiers import new_id


@dataclass(frozen=True, kw_only=True)
class GroupRole:
    """A line of the table. :ivar group: in its plain form."""

    group: str
    role: Role


def map_group_to_role(
    session: Session,
    *,
    source: GroupSource,
    group: str,
    role: str,
    client_id: str = "",
    mapped: bool,
    actor: str,
    now: datetime,
) -> GroupRole:
    """Say that who is in ``group`` has ``role``, or no longer; said twice is said once. The caller puts it on record.

    :param role: its name. :param client_id: of the application; empty: the only one that has a role of this name.
    :raises NotFound: (``unknown_role``) also for one that the institution may not use.
    :raises Rejected: ``bad_group``; ``ambiguous_role`` (several applications have one); ``sensitive_role``: that one is
        given by people alone.
    """
    name = source.plain(group)
    if not name.strip() or len(name) > LONGEST_GROUP or not name.isprintable():
        raise Rejected("Name a group.", code="bad_group")
    found = _role_named(session, source, role.strip(), client_id, mapped=mapped)
    if mapped and found.sensitive:
        raise Rejected("A sensitive role is given by a person.", code="sensitive_role")
    same = (GroupRoleRow.source_id == source.id) & (GroupRoleRow.group_name == name)
    session.execute(delete(GroupRoleRow).where(same, GroupRoleRow.role_id == found.id))
    if mapped:
        session.add(
            GroupRoleRow(
                id=new_id(), source_id=source.id, group_name=name, role_id=found.id, created_by=actor, created_at=now
            )
        )
        session.flush()
    return GroupRole(group=name, role=found)


def list_group_roles(session: Session, *, source_id: str) -> list[GroupRole]:
    """Return the lines of a directory or provider, by application, role and group; those of retired roles too."""
    rows = session.execute(
        select(GroupRoleRow.group_name, RoleRow)
        .join(RoleRow, RoleRow.id == GroupRoleRow.role_id)
        .where(GroupRoleRow.source_id == source_id)
        .order_by(RoleRow.client_id, RoleRow.name, GroupRoleRow.group_name)
    )
    return [GroupRole(group=group, role=role_value(row)) for group, row in rows]


def roles_of_groups(session: Session, *, source: GroupSource, groups: Iterable[str]) -> list[Role]:
    """Return the roles that the groups are worth, each once, by application and name; never a retired one."""
    held = {source.plain(each) for each in groups}
    lines = list_group_roles(session, source_id=source.id)
    found = {line.role.id: line.role for line in lines if line.group in held and not line.role.retired}
    return list(found.values())


def _role_named(session: Session, source: GroupSource, name: str, client_id: str, *, mapped: bool) -> Role:
    if mapped:
        known = [
            role
            for role in list_roles(session, client_id=client_id or None)
            if role.name == name and may_use(session, client_id=role.client_id, institution_id=source.institution_id)
        ]
    else:
        lines = list_group_roles(session, source_id=source.id)
        known = list({line.role.id: line.role for line in lines if line.role.name == name}.values())
        known = [role for role in known if client_id in ("", role.client_id)]
    if not known:
        raise NotFound("The institution may use no role of this name.", code="unknown_role")
    if len(known) > 1:
        raise Rejected("Several applications have a role of this name: say which.", code="ambiguous_role")
    return known[0]
