"""Which groups of a directory or a provider are worth which roles, in a configuration: by group, as CLIENT_ID/role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from admin.as_code.work import Work
from idp.broker.register import list_providers, map_claimed_group
from idp.directories.register import list_directories, map_group
from idp.rights.groups.mapping import list_group_roles
from idp.rights.groups.source import GroupSource

MEMBER = "groups"
_MOST = 1_000


def groups_of(session: Session, source_id: str) -> dict[str, Any]:
    """Return ``groups`` as an entry's member; nothing where no group is worth anything."""
    found: dict[str, list[str]] = {}
    for line in list_group_roles(session, source_id=source_id):
        found.setdefault(line.group, []).append(_said(line.role.client_id, line.role.name))
    return {MEMBER: {group: sorted(roles) for group, roles in sorted(found.items())}} if found else {}


def apply_directory_groups(work: Work, section: str, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Let the groups of directories be worth what the file says, and nothing else. Those without the member stay.

    :raises ServiceError: with the place in the file: ``unknown_role``, ``sensitive_role`` and so on.
    """
    found = list_directories(work.session, services=work.services.idp)
    _apply(work, section, entries, {each.name: each.source for each in found}, map_group)


def apply_provider_groups(work: Work, section: str, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """The same for what providers claim."""
    found = list_providers(work.session, services=work.services.idp, open_only=False)
    _apply(work, section, entries, {each.name: each.source for each in found}, map_claimed_group)


def _apply(
    work: Work,
    section: str,
    entries: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, GroupSource],
    mapped_by: Callable[..., object],
) -> None:
    for name, entry in entries.items():
        if MEMBER not in entry or name not in sources:
            continue
        with work.at(section, name):
            source = sources[name]
            wanted = _lines(work, entry[MEMBER], source)
            standing = {
                (line.group, line.role.client_id, line.role.name)
                for line in list_group_roles(work.session, source_id=source.id)
            }
            for lines, mapped in ((standing - wanted, False), (wanted - standing, True)):
                for group, client_id, role in sorted(lines):
                    mapped_by(
                        work.session,
                        services=work.services.idp,
                        name=name,
                        group=group,
                        role=role,
                        client_id=client_id,
                        mapped=mapped,
                        actor=work.actor,
                        now=work.now,
                    )


def _lines(work: Work, value: Any, source: GroupSource) -> set[tuple[str, str, str]]:
    if not isinstance(value, dict) or len(value) > _MOST:
        raise work.wrong(f"{MEMBER}: a mapping of groups, {_MOST} at most, each with a list of roles as CLIENT_ID/role")
    found = set()
    for group, roles in value.items():
        if not isinstance(group, str) or not isinstance(roles, list):
            raise work.wrong(f"{MEMBER}: each group has a list of roles as CLIENT_ID/role")
        for role in roles:
            client_id, slash, name = role.partition("/") if isinstance(role, str) else ("", "", "")
            if not (client_id and slash and name):
                raise work.wrong(f"{MEMBER}: roles are written as CLIENT_ID/role")
            found.add((source.plain(group), client_id, name))
    return found


def _said(client_id: str, role: str) -> str:
    return f"{client_id}/{role}"
