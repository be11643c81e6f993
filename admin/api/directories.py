"""Directories of institutions, written by the API: tried before they are kept, their passwords told to nobody."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from admin.api.federation_forms import (
    ChangedDirectory,
    DirectorySettingsDocument,
    GroupRole,
    GroupRoleDocument,
    NewDirectory,
)
from admin.api.hidden import hidden
from admin.api.operation import Before, Call, Caller, Document, Done, Nothing, Operation
from admin.api.overview import DirectoryDocument, directory_document, show_directory
from admin.permissions import Permission
from admin.services import AdminServices
from idp.directories.change import change_directory, hold_directory, redescribe
from idp.directories.directory import Directory
from idp.directories.health import look_at_directory
from idp.directories.register import (
    Wanted,
    add_directory,
    directory_wanted,
    find_directory,
    map_group,
    set_directory_active,
)
from idp.directory.institutions import find_institution, find_institution_by_ruc
from idp.rights.catalog import find_role
from idp.rights.groups.mapping import GroupRole as Line
from idp.rights.groups.mapping import list_group_roles
from kernel.errors import Rejected
from kernel.secret_text import SecretText

_P = Permission.DIRECTORIES_CHANGE
FIELDS = {
    "bad_directory_name": "name",
    "directory_exists": "name",
    "unknown_institution": "institution_ruc",
    "bad_ruc": "institution_ruc",
    "bad_domain": "domains",
    "foreign_domain": "domains",
    "domain_taken": "domains",
    "bad_directory_url": "urls",
    "no_server_answered": "urls",
    "bad_directory_ca": "ca_pem",
    "bad_distinguished_name": "search_base",
    "bad_directory_filter": "username_filter",
    "bad_bind": "bind_dn",
    "bad_bind_template": "bind_template",
    "password_missing": "password",
    "password_again": "password",
    "bad_attribute": "attributes",
    "bad_nested_groups": "nested_groups",
    "cedulas_taken": "asked_by_cedula",
}
GROUP_FIELDS = {
    "bad_group": "group",
    "bad_distinguished_name": "group",
    "unknown_role": "role_id",
    "ambiguous_role": "role_id",
    "sensitive_role": "role_id",
}


def settings(call: Call) -> Document:
    """Return how it is asked, without its password."""
    found = _reached(call.session, call.services, call.caller, call.path["directory_id"])
    return DirectorySettingsDocument(
        kind="ldap",
        domains=list(found.domains),
        urls=[str(each) for each in found.servers],
        ca_pem=found.ca_pem,
        search_base=found.search_base,
        username_filter=found.username_filter,
        cedula_filter=found.cedula_filter,
        attributes=asdict(found.attributes),
        bind_dn=found.bind_dn,
        bind_template=found.bind_template,
        creates_people=found.creates_people,
        level=2 if found.level == 2 else 1,
        asked_by_cedula=found.asked_by_cedula,
        nested_groups=found.nested_groups,
        version=found.version,
    )


def hold(call: Call) -> None:
    """Hold its row, where it is within reach."""
    hold_directory(call.session, _reached(call.session, call.services, call.caller, call.path["directory_id"]).id)
    call.session.expire_all()


def try_new(before: Before) -> None:
    """Try the servers of a directory that is to be added. :raises Rejected: (``no_server_answered``)."""
    body: NewDirectory = before.body
    with before.services.database.reading() as session:
        made = _wanted_new(session, before.services, before.caller, body)
    _require_answer(before.services, made, body)


def add(call: Call) -> Document:
    """Add it."""
    body: NewDirectory = call.body
    made = add_directory(
        call.session,
        services=call.services.idp,
        directory=_wanted_new(call.session, call.services, call.caller, body),
        actor=call.caller.actor,
        now=call.now,
    )
    return directory_document(call.session, made, body.institution_ruc)


def try_changed(before: Before) -> None:
    """Try the servers as they are described now."""
    body: ChangedDirectory = before.body
    with before.services.database.reading() as session:
        _, after = _redescribed(session, before.services, before.caller, before.path["directory_id"], body)
    _require_answer(before.services, after, body)


def change(call: Call) -> Document:
    """Describe it anew."""
    before, after = _redescribed(call.session, call.services, call.caller, call.path["directory_id"], call.body)
    change_directory(
        call.session,
        services=call.services.idp,
        before=before,
        after=after,
        actor=call.caller.actor,
        now=call.now,
    )
    return show_directory(call)


def look(done: Done) -> Document:
    """Keep how it is; what was added or changed is asked at once."""
    told: DirectoryDocument = done.document
    look_at_directory(done.services.idp, directory_id=told.id, now=done.now)
    with done.services.database.reading() as session:
        found = find_directory(session, services=done.services.idp, directory_id=told.id)
        return directory_document(session, found, told.institution_ruc)


def close(call: Call) -> Document:
    """Close it."""
    return _set_active(call, active=False)


def open_again(call: Call) -> Document:
    """Open it again."""
    return _set_active(call, active=True)


def groups(call: Call) -> list[Document]:
    """Return which group is worth which role."""
    found = _reached(call.session, call.services, call.caller, call.path["directory_id"])
    return [line_document(each, mapped=True) for each in list_group_roles(call.session, source_id=found.id)]


def map_role(call: Call) -> Document:
    """Say what a group is worth."""
    body: GroupRole = call.body
    found = _reached(call.session, call.services, call.caller, call.path["directory_id"])
    role = find_role(call.session, body.role_id)
    line = map_group(
        call.session,
        services=call.services.idp,
        name=found.name,
        group=body.group,
        role=role.name,
        client_id=role.client_id,
        mapped=body.mapped,
        actor=call.caller.actor,
        now=call.now,
    )
    return line_document(line, mapped=body.mapped)


def line_document(line: Line, *, mapped: bool) -> GroupRoleDocument:
    """Return a line of the table as it is answered."""
    return GroupRoleDocument(
        id=f"{line.role.id}:{line.group}",
        group=line.group,
        role_id=line.role.id,
        role=line.role.name,
        client_id=line.role.client_id,
        mapped=mapped,
    )


def _set_active(call: Call, *, active: bool) -> Document:
    found = _reached(call.session, call.services, call.caller, call.path["directory_id"])
    if found.active != active:
        set_directory_active(
            call.session,
            services=call.services.idp,
            name=found.name,
            active=active,
            actor=call.caller.actor,
            now=call.now,
        )
    return show_directory(call)


def _reached(session: Session, services: AdminServices, caller: Caller, directory_id: str) -> Directory:
    with hidden("directory"):
        found = find_directory(session, services=services.idp, directory_id=directory_id)
        caller.powers.require_institution(_P, find_institution(session, found.institution_id).ruc)
    return found


def _wanted_new(session: Session, services: AdminServices, caller: Caller, body: NewDirectory) -> Directory:
    with hidden("institution"):
        caller.powers.require_institution(_P, find_institution_by_ruc(session, body.institution_ruc).ruc)
    made, _ = directory_wanted(services.idp, session, _wanted(body, name=body.name, ruc=body.institution_ruc))
    return made


def _redescribed(
    session: Session, services: AdminServices, caller: Caller, directory_id: str, body: ChangedDirectory
) -> tuple[Directory, Directory]:
    before = _reached(session, services, caller, directory_id)
    ruc = find_institution(session, before.institution_id).ruc
    wanted = _wanted(body, name=before.name, ruc=ruc)
    return before, redescribe(services.idp, session, before=before, wanted=wanted)


def _require_answer(services: AdminServices, directory: Directory, body: ChangedDirectory) -> None:
    if not body.unanswered and all(each.reason for each in services.idp.directories.examine(directory)):
        raise Rejected("None of its servers answered as it should.", code="no_server_answered")


def _wanted(body: ChangedDirectory, *, name: str, ruc: str) -> Wanted:
    return Wanted(
        name=name,
        ruc=ruc,
        domains=body.domains,
        urls=body.urls,
        kind=body.kind,
        search_base=body.search_base,
        username_filter=body.username_filter,
        cedula_filter=body.cedula_filter,
        attributes=body.attributes,
        ca_pem=body.ca_pem,
        bind_dn=body.bind_dn,
        password=SecretText(body.password) if body.password else None,
        bind_template=body.bind_template,
        creates_people=body.creates_people,
        level=body.level,
        asked_by_cedula=body.asked_by_cedula,
        nested_groups=body.nested_groups,
    )


_AT = "/directories/{directory_id}"


def _post(name: str, path: str, summary: str, handler: Any, page: str, **more: Any) -> Operation:
    told: dict[str, Any] = {"item": DirectoryDocument, "body": Nothing} | more
    return Operation(
        name=name,
        path=path,
        summary=summary,
        permission=_P,
        handler=handler,
        method="POST",
        fresh=True,
        pages=(f"admin_directories.{page}",),
        **told,
    )


OPERATIONS = (
    Operation(
        name="show_directory_settings",
        path=f"{_AT}/settings",
        summary="How a directory is asked and what it is believed, without its password.",
        permission=_P,
        item=DirectorySettingsDocument,
        handler=settings,
        pages=("admin_directories.change_form",),
    ),
    _post(
        "add_directory",
        "/directories",
        "Add a directory of an institution, once one of its servers answered.",
        add,
        "add",
        body=NewDirectory,
        status=201,
        prepare=try_new,
        after=look,
        fields=FIELDS,
    ),
    Operation(
        name="change_directory",
        path=f"{_AT}/settings",
        summary="Describe it anew, once one of its servers answered; name and institution stay.",
        permission=_P,
        item=DirectoryDocument,
        handler=change,
        method="PUT",
        body=ChangedDirectory,
        fresh=True,
        shown_by=settings,
        lock=hold,
        prepare=try_changed,
        after=look,
        fields=FIELDS,
        pages=("admin_directories.change",),
    ),
    _post("close_directory", f"{_AT}/close", "Close it: nobody logs in with its passwords.", close, "set_active"),
    _post("open_directory", f"{_AT}/open", "Open it again.", open_again, "set_active"),
    Operation(
        name="list_directory_groups",
        path=f"{_AT}/groups",
        summary="Which of its groups is worth which role of which application.",
        permission=_P,
        item=GroupRoleDocument,
        handler=groups,
        key="id",
        pages=("admin_directories.ask_unmapping",),
    ),
    _post(
        "map_directory_group",
        f"{_AT}/groups",
        "Say that whoever is in a group has a role, or no longer; at each one's next look.",
        map_role,
        "map_role",
        item=GroupRoleDocument,
        body=GroupRole,
        fields=GROUP_FIELDS,
    ),
)
