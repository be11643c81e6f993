"""Declared roles and permissions in a configuration: by application, then by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from admin.as_code.applications import configurable_clients
from admin.as_code.work import Work
from idp.rights.catalog import declare_rights, declared_document
from idp.rights.declaration import parse_declaration

SECTION = "rights"
MEMBERS: Mapping[str, type] = {"institutions": object, "permissions": dict, "roles": dict}
_NOTHING: dict[str, Any] = {"institutions": [], "permissions": {}, "roles": {}}


def export_rights(session: Session) -> dict[str, Any]:
    """Return what each application declares; those that declare nothing are not there."""
    found = {client.client_id: _by_name(session, client.client_id) for client in configurable_clients(session)}
    return {client_id: declared for client_id, declared in found.items() if declared != _NOTHING}


def apply_rights(work: Work, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Declare what ``entries`` say. Roles and permissions that they leave out stay, unless the work prunes.

    :raises Rejected: with the place in the file.
    """
    known = {client.client_id for client in configurable_clients(work.session)}
    for client_id, entry in entries.items():
        with work.at(SECTION, client_id):
            if client_id not in known:
                raise work.wrong("there is no such application")
            _declare(work, client_id, _wanted(work, _by_name(work.session, client_id), entry))
    for client_id in sorted(set(export_rights(work.session)) - set(entries)) if work.prune else ():
        work.close_later((SECTION, client_id), partial(_declare, work, client_id, _NOTHING))


def _wanted(work: Work, before: dict[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {"institutions": entry.get("institutions", before["institutions"])}
    for kind in ("permissions", "roles"):
        given = entry.get(kind)
        named = {name: {**before[kind].get(name, {}), **members} for name, members in (given or {}).items()}
        wanted[kind] = named if work.prune and given is not None else {**before[kind], **named}
    if work.prune:  # a role that goes is excluded by none that stays
        for name, role in wanted["roles"].items():
            if "excludes" not in (entry.get("roles") or {}).get(name, {}):
                role["excludes"] = [each for each in role.get("excludes", ()) if each in wanted["roles"]]
    return wanted


def _declare(work: Work, client_id: str, wanted: Mapping[str, Any]) -> None:
    document = {
        "application": client_id,
        "institutions": wanted["institutions"],
        "permissions": [{"name": name, **members} for name, members in wanted["permissions"].items()],
        "roles": [{"name": name, **members} for name, members in wanted["roles"].items()],
    }
    declaration = parse_declaration(document, client_id=client_id)
    declare_rights(work.session, journal=work.journal, declaration=declaration, actor=work.actor, now=work.now)


def _by_name(session: Session, client_id: str) -> dict[str, Any]:
    document = declared_document(session, client_id)
    named = {kind: {each.pop("name"): each for each in document[kind]} for kind in ("permissions", "roles")}
    return {"institutions": document["institutions"], **named}
