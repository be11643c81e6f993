"""Directories of institutions: how they are, adding, changing and closing one, trying its servers."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.federation.directory_form import (
    ATTRIBUTES,
    FIELDS,
    typed_directory,
    typed_from_directory,
    wanted_directory,
)
from admin.web.federation.groups import group_roles, role_that_ends
from admin.web.federation.place import (
    LEVEL_CHOICES,
    State,
    institutions_reached,
    owner_reached,
    reason_said,
    state_of,
)
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing
from admin.web.problems import problem
from idp.directories.change import Change, change_directory, directory_changes, redescribe
from idp.directories.directory import Directory
from idp.directories.health import Health, list_health, look_at_directory
from idp.directories.port import ServerReport
from idp.directories.register import (
    add_directory,
    directory_wanted,
    find_directory,
    list_directories,
    map_group,
    set_directory_active,
)
from idp.directory.institutions import Institution
from idp.rights.catalog import find_role
from kernel.errors import Conflict, NotFound, Rejected
from web.pages import render

blueprint = Blueprint("admin_directories", __name__, url_prefix="/admin/directories", template_folder="../../templates")
_HEADS = (
    Head("name", _l("Nombre"), "up"),
    Head("institution", _l("Institución"), "up"),
    Head("domains", _l("Dominios")),
    Head("servers", _l("Servidores")),
    Head("took", _l("Tardó"), "down", numeric=True),
    Head("state", _l("Estado")),
)
_REFUSALS = (Rejected, Conflict, NotFound)


@dataclass(frozen=True)
class Line:
    """A directory in the list."""

    directory: Directory
    institution: Institution
    state: State
    milliseconds: int | None


@blueprint.get("")
@requires(Permission.DIRECTORIES_READ)
def show_all() -> Response:
    """The directories of the institutions that the operator reaches, those that fail first."""
    with services().database.reading() as session:
        institutions = {each.id: each for each in institutions_reached(session, Permission.DIRECTORIES_READ)}
        health = {each.name: each for each in list_health(session)}
        lines = [
            _line(each, institutions[each.institution_id], health.get(each.name))
            for each in list_directories(session, services=services().idp)
            if each.institution_id in institutions
        ]
    owners = sorted({(each.institution.ruc, each.institution.name) for each in lines})
    listing = asked_listing(
        ".show_all",
        heads=_HEADS,
        filters=(
            Filter("state", _l("Estado"), state_choices()),
            Filter("institution", _l("Institución"), [("", _("Todas")), *owners]),
        ),
    )
    typed = listing.typed
    found = [
        line
        for line in lines
        if typed["state"] in ("", line.state.kind) and typed["institution"] in ("", line.institution.ruc)
    ]
    order = {"bad": 0, "info": 1, "ok": 2, "none": 3}
    return render(
        "admin/federation/directories.html",
        listing=listing.arranged(
            sorted(found, key=lambda line: (order[line.state.kind], line.directory.name)),
            {
                "name": lambda line: line.directory.name,
                "institution": lambda line: line.institution.name,
                "took": lambda line: line.milliseconds,
            },
        ),
        may_change=operator().powers.allow(Permission.DIRECTORIES_CHANGE),
    )


@blueprint.get("/new")
@requires(Permission.DIRECTORIES_CHANGE, fresh=True)
def add_form() -> Response:
    """The form that adds one."""
    return _form_page(None, Typed(kind="active-directory", level="1"), errors={})


@blueprint.post("/new")
@requires(Permission.DIRECTORIES_CHANGE, fresh=True)
def add() -> Response:
    """Try what was described and add it; one that does not answer only if the operator says so."""
    service, typed = services(), typed_directory()
    try:
        wanted = wanted_directory(typed)
        with service.database.reading() as session:
            made, institution_id = directory_wanted(service.idp, session, wanted)
            owner_reached(session, Permission.DIRECTORIES_CHANGE, institution_id)
        reports = service.idp.directories.examine(made)
        if not _may_be_kept(reports, typed):
            return _form_page(None, typed, errors={"urls": _("Ningún servidor respondió")}, reports=reports, status=422)
        with service.database.transaction() as session:
            made, _institution_id = directory_wanted(service.idp, session, wanted)
            add_directory(
                session,
                services=service.idp,
                directory=made,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except _REFUSALS as error:
        return _form_page(None, typed, errors=_told(error), status=422)
    look_at_directory(service.idp, directory_id=made.id, now=service.clock.now())
    return redirect(url_for("admin_directories.show", directory_id=made.id), 303)


@blueprint.get("/<directory_id>")
@requires(Permission.DIRECTORIES_READ)
def show(directory_id: str) -> Response:
    """One directory, without its password."""
    return _page(directory_id)


@blueprint.post("/<directory_id>")
@requires(Permission.DIRECTORIES_READ)
def examine(directory_id: str) -> Response:
    """Try each server of it now; what came of an open one is kept as its health."""
    service = services()
    with service.database.reading() as session:
        directory, _institution = _reached(session, Permission.DIRECTORIES_READ, directory_id)
    if directory.active:
        return _page(directory_id, look_at_directory(service.idp, directory_id=directory_id, now=service.clock.now()))
    return _page(directory_id, service.idp.directories.examine(directory))


@blueprint.get("/<directory_id>/change")
@requires(Permission.DIRECTORIES_CHANGE, fresh=True)
def change_form(directory_id: str) -> Response:
    """The form with what stands."""
    with services().database.reading() as session:
        before, institution = _reached(session, Permission.DIRECTORIES_CHANGE, directory_id)
    return _form_page(before, typed_from_directory(before, ruc=institution.ruc), errors={})


@blueprint.post("/<directory_id>/change")
@requires(Permission.DIRECTORIES_CHANGE, fresh=True)
def change(directory_id: str) -> Response:
    """Try what is described now, write it down, and show before and after."""
    service, typed = services(), typed_directory()
    with service.database.reading() as session:
        before, institution = _reached(session, Permission.DIRECTORIES_CHANGE, directory_id)
        typed |= {"name": before.name, "ruc": institution.ruc}
        try:
            if request.form.get("version", "") != str(before.version):
                raise Conflict("Somebody else changed it in the meantime.", code="changed_meanwhile")
            after = redescribe(service.idp, session, before=before, wanted=wanted_directory(typed))
        except _REFUSALS as error:
            return _form_page(before, typed, errors=_told(error), status=422)
    changes = directory_changes(before, after)
    reports = service.idp.directories.examine(after)
    if not _may_be_kept(reports, typed):
        errors = {"urls": _("Ningún servidor respondió")}
        return _form_page(before, typed, errors=errors, reports=reports, changes=changes, status=422)
    try:
        with service.database.transaction() as session:
            change_directory(
                session,
                services=service.idp,
                before=before,
                after=after,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except Conflict as error:
        return _form_page(before, typed, errors=_told(error), status=422)
    return _page(directory_id, reports, changes)


@blueprint.get("/<directory_id>/groups")
@requires(Permission.DIRECTORIES_CHANGE)
def ask_unmapping(directory_id: str) -> Response:
    """Say what the people of a group lose when it gives a role no longer."""
    with services().database.reading() as session:
        directory, institution = _reached(session, Permission.DIRECTORIES_CHANGE, directory_id)
        ending = role_that_ends(session)
    return render(
        "admin/federation/group.html",
        room="directories",
        source=directory.name,
        above=url_for(".show_all"),
        back=url_for(".show", directory_id=directory.id),
        institution=institution,
        **ending,
    )


@blueprint.post("/<directory_id>/groups")
@requires(Permission.DIRECTORIES_CHANGE, fresh=True)
def map_role(directory_id: str) -> Response:
    """Say that who is in a group has a role of an application that the institution may use, or no longer."""
    service, typed = services(), typed_form(("group", "role", "mapped"))
    try:
        with service.database.transaction() as session:
            directory, _institution = _reached(session, Permission.DIRECTORIES_CHANGE, directory_id)
            role = find_role(session, typed["role"])
            map_group(
                session,
                services=service.idp,
                name=directory.name,
                group=typed["group"],
                role=role.name,
                client_id=role.client_id,
                mapped=typed["mapped"] == "1",
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except _REFUSALS as error:
        if error.code in ("not_found", "unknown_directory"):
            raise
        field = "role" if error.code.endswith("_role") else "group"
        return _page(directory_id, typed=typed, errors={field: problem(error)}, status=422)
    return redirect(url_for("admin_directories.show", directory_id=directory_id), 303)


@blueprint.get("/<directory_id>/active")
@requires(Permission.DIRECTORIES_CHANGE)
def ask_active(directory_id: str) -> Response:
    """Say what closing it, or opening it again, does to its people."""
    with services().database.reading() as session:
        directory, institution = _reached(session, Permission.DIRECTORIES_CHANGE, directory_id)
    return render("admin/federation/directory_active.html", directory=directory, institution=institution)


@blueprint.post("/<directory_id>/active")
@requires(Permission.DIRECTORIES_CHANGE, fresh=True)
def set_active(directory_id: str) -> Response:
    """Close it, or open it again."""
    service = services()
    with service.database.transaction() as session:
        directory, _institution = _reached(session, Permission.DIRECTORIES_CHANGE, directory_id)
        active = request.form.get("active") == "1"
        if directory.active != active:
            set_directory_active(
                session,
                services=service.idp,
                name=directory.name,
                active=active,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    return redirect(url_for("admin_directories.show", directory_id=directory_id), 303)


def state_choices() -> list[tuple[str, str]]:
    """The states that a list is narrowed to."""
    return [
        ("", _("Cualquiera")),
        ("bad", _("No responde")),
        ("ok", _("Responde")),
        ("info", _("Sin comprobar")),
        ("none", _("Cerrado")),
    ]


def _reached(session: Session, permission: Permission, directory_id: str) -> tuple[Directory, Institution]:
    directory = find_directory(session, services=services().idp, directory_id=directory_id)
    return directory, owner_reached(session, permission, directory.institution_id)


def _line(directory: Directory, institution: Institution, health: Health | None) -> Line:
    state = state_of(
        active=directory.active,
        reason=health.reason if health else None,
        failing_since=health.failing_since if health else None,
        checked_at=health.checked_at if health else None,
    )
    return Line(directory, institution, state, health.milliseconds if health and health.up else None)


def _may_be_kept(reports: tuple[ServerReport, ...], typed: Typed) -> bool:
    return any(report.reason is None for report in reports) or bool(typed["unanswered"])


def _told(error: Rejected | Conflict | NotFound) -> dict[str, str]:
    if error.code == "not_found":
        raise error
    return {FIELDS.get(error.code, "name"): problem(error)}


def _page(
    directory_id: str,
    reports: tuple[ServerReport, ...] | None = None,
    changes: tuple[Change, ...] = (),
    *,
    typed: Typed | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    with services().database.reading() as session:
        directory, institution = _reached(session, Permission.DIRECTORIES_READ, directory_id)
        health = next((each for each in list_health(session) if each.name == directory.name), None)
        groups = group_roles(session, source_id=directory.id, institution=institution)
    return render(
        "admin/federation/directory.html",
        status,
        groups=groups,
        typed=typed or Typed(),
        errors=errors or {},
        directory=directory,
        institution=institution,
        line=_line(directory, institution, health),
        health=health,
        reports=reports,
        changes=changes,
        reason_said=reason_said,
        may_change=operator().powers.allow(Permission.DIRECTORIES_CHANGE),
    )


def _form_page(
    before: Directory | None,
    typed: Typed,
    *,
    errors: dict[str, str],
    reports: tuple[ServerReport, ...] = (),
    changes: tuple[Change, ...] = (),
    status: int = 200,
) -> Response:
    with services().database.reading() as session:
        institutions = institutions_reached(session, Permission.DIRECTORIES_CHANGE)
    return render(
        "admin/federation/directory_form.html",
        status,
        before=before,
        typed=typed,
        errors=errors,
        reports=reports,
        changes=changes,
        reason_said=reason_said,
        attributes=ATTRIBUTES,
        level_choices=LEVEL_CHOICES,
        institution_choices=[("", _("Elija una")), *((each.ruc, each.name) for each in institutions if each.active)],
    )
