"""Searches of the evidence that were kept: opening one, keeping one, removing one."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin.permissions import PERMISSIONS, Permission, Role
from admin.saved_searches import find_search, open_search_about, remove_search, save_search
from admin.web import words
from admin.web.accessor import services
from admin.web.audit_filters import FILTERS, address
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from kernel.errors import Denied, Rejected
from web.pages import render

blueprint = Blueprint("admin_saved_searches", __name__, url_prefix="/admin/audit/saved", template_folder="../templates")


def searching_roles() -> list[Role]:
    """Return the operator's roles that may search the evidence: with those he may share a search."""
    return [role for role in operator().powers.roles if Permission.AUDIT_SEARCH in PERMISSIONS[role]]


@blueprint.post("")
@requires(Permission.AUDIT_SEARCH)
def save() -> Response:
    """Keep the search whose filters came with the form."""
    service, typed, filters = services(), typed_form(("name", "role")), typed_form(FILTERS, limit=200)
    try:
        with service.database.transaction() as session:
            save_search(
                session,
                journal=service.journal,
                name=typed["name"],
                filters=filters,
                role=typed["role"],
                actor=operator().person_id,
                roles=searching_roles(),
                now=service.clock.now(),
            )
    except Denied:
        return redirect(url_for("admin_audit.person_form"), 303)
    except Rejected as error:
        return _name_page(filters, typed=typed, errors={"name": problem(error)}, status=422)
    return redirect(_back(filters), 303)


@blueprint.get("/new")
@requires(Permission.AUDIT_SEARCH)
def name_form() -> Response:
    """Ask how the search of the address is to be called and who may use it."""
    filters = Typed({name: request.args.get(name, "").strip()[:200] for name in FILTERS})
    return _name_page(filters, typed=Typed(), errors={})


@blueprint.get("/<search_id>")
@requires(Permission.AUDIT_SEARCH)
def open_(search_id: str) -> Response:
    """Go to the search; one about a person asks first why, each time."""
    with services().database.reading() as session:
        found = find_search(session, search_id=search_id, person_id=operator().person_id, roles=searching_roles())
        name = PeopleNames(session)(found.about) if found.about else ""
    if found.about:
        return render("admin/saved_search_open.html", search=found, person=name, typed=Typed(), errors={})
    return redirect(address("admin_audit.search", found.filters), 303)


@blueprint.post("/<search_id>")
@requires(Permission.AUDIT_SEARCH)
def open_about(search_id: str) -> Response:
    """Put the reason on record and go to the search."""
    service, typed = services(), typed_form(("reason",))
    try:
        with service.database.transaction() as session:
            found = find_search(session, search_id=search_id, person_id=operator().person_id, roles=searching_roles())
            name = PeopleNames(session)(found.about) if found.about else ""
            open_search_about(
                session,
                journal=service.journal,
                search=found,
                reason=typed["reason"],
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except Rejected as error:
        return render(
            "admin/saved_search_open.html",
            422,
            search=found,
            person=name,
            typed=typed,
            errors={"reason": problem(error)},
        )
    return redirect(address("admin_audit.search", found.filters), 303)


@blueprint.post("/<search_id>/remove")
@requires(Permission.AUDIT_SEARCH)
def remove(search_id: str) -> Response:
    """Remove one of one's own."""
    service = services()
    with service.database.transaction() as session:
        remove_search(
            session,
            journal=service.journal,
            search_id=search_id,
            actor=operator().person_id,
            now=service.clock.now(),
        )
    return redirect(url_for("admin_audit.search"), 303)


def _name_page(filters: Typed, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    return render(
        "admin/saved_search_new.html",
        status,
        filters={name: value for name, value in filters.items() if value},
        back=_back(filters),
        role_choices=[
            (role.value, _("Quienes tienen el rol %(role)s", role=words.ROLES[role])) for role in searching_roles()
        ],
        typed=typed,
        errors=errors,
    )


def _back(filters: Typed) -> str:
    return address("admin_audit.search", {name: value for name, value in filters.items() if value})
