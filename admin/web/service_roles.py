"""Applications that hold a role of the console for themselves: which ones, giving one, taking it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.permissions import INSTITUTIONAL_ROLES, PERMISSIONS, Permission, Role
from admin.roles import RoleHolding
from admin.service_roles import (
    SERVICE_ROLES,
    client_of,
    find_service_role,
    grant_service_role,
    list_possible_services,
    list_service_roles,
    withdraw_service_role,
)
from admin.web import words
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.listing import Filter, Head, asked_listing, contains
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from idp.clients.client import find_client
from idp.directory.institutions import list_institutions
from kernel.errors import Conflict, Denied, NotFound, Rejected
from web.pages import render

blueprint = Blueprint(
    "admin_service_roles", __name__, url_prefix="/admin/service-roles", template_folder="../templates"
)
_ROLES = tuple(role for role in Role if role in SERVICE_ROLES)
_HEADS = (
    Head("application", _l("Aplicación"), "up"),
    Head("role", _l("Rol"), "up"),
    Head("reach", _l("Alcanza a")),
    Head("by", _l("Lo dio")),
    Head("since", _l("Desde"), "down"),
)


@dataclass(frozen=True)
class Holder:
    """A line of the list."""

    holding: RoleHolding
    client_id: str
    name: str
    granted_by: str


@blueprint.get("")
@requires(Permission.ROLES_READ)
def show_all() -> Response:
    """Which application holds which role."""
    listing = asked_listing(
        ".show_all",
        heads=[*_HEADS, *([Head("act", _l("Qué hacer"))] if operator().powers.allow(Permission.ROLES_GRANT) else [])],
        filters=(
            Filter("q", _l("Aplicación")),
            Filter("role", _l("Rol"), [("", _("Cualquiera")), *((role.value, words.ROLES[role]) for role in _ROLES)]),
        ),
        order="application",
    )
    with services().database.reading() as session:
        names = PeopleNames(session)
        institutions = {each.ruc: each.name for each in list_institutions(session)}
        holders = [
            Holder(each, client_of(each), _name(session, client_of(each)), names(each.granted_by))
            for each in list_service_roles(session)
            if listing.typed["role"] in ("", each.role.value)
        ]
    return render(
        "admin/service_roles/all.html",
        listing=listing.arranged(
            [each for each in holders if contains(listing.typed["q"], each.name, each.client_id)],
            {
                "application": lambda each: each.name,
                "role": lambda each: str(words.role_words(each.holding.role)),
                "since": lambda each: each.holding.granted_at,
            },
        ),
        institutions=institutions,
        roles=[(words.ROLES[role], words.ROLE_DUTIES[role]) for role in _ROLES],
        role_words=words.role_words,
        may_grant=operator().powers.allow(Permission.ROLES_GRANT),
        may_see=operator().powers.allow(Permission.CLIENTS_READ),
    )


@blueprint.get("/new")
@requires(Permission.ROLES_GRANT)
def grant_form() -> Response:
    """The form that gives one."""
    return _form(typed_before(), errors={})


@blueprint.post("/new")
@requires(Permission.ROLES_GRANT, fresh=True)
def grant() -> Response:
    """Give an application a role for itself."""
    service, typed = services(), typed_form(("client", "role", "institution"))
    if typed["role"] not in {role.value for role in _ROLES}:
        return _form(typed, errors={"role": _("Elija un rol de la lista")}, status=422)
    try:
        with service.database.transaction() as session:
            grant_service_role(
                session,
                journal=service.journal,
                client_id=typed["client"],
                role=Role(typed["role"]),
                institution_ruc=typed["institution"] or None,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict, Denied, NotFound) as error:
        return _form(typed, errors=_told(error), status=422)
    return redirect(url_for(".show_all"), 303)


@blueprint.get("/<holding_id>/withdraw")
@requires(Permission.ROLES_GRANT)
def ask_withdrawing(holding_id: str) -> Response:
    """Say what the application will no longer do."""
    return _withdrawal(holding_id, error="")


@blueprint.post("/<holding_id>/withdraw")
@requires(Permission.ROLES_GRANT, fresh=True)
def withdraw(holding_id: str) -> Response:
    """Take it."""
    service = services()
    try:
        with service.database.transaction() as session:
            withdraw_service_role(
                session,
                journal=service.journal,
                holding_id=holding_id,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except Denied as error:
        return _withdrawal(holding_id, error=problem(error), status=422)
    return redirect(url_for(".show_all"), 303)


def _told(error: Rejected | Conflict | Denied | NotFound) -> dict[str, str]:
    if error.code == "role_already_held":
        return {"role": _("La aplicación ya tiene este rol")}
    if error.code in ("not_a_service", "unknown_client", "own_service"):
        return {"client": problem(error)}
    return {"institution" if isinstance(error, Rejected) else "role": problem(error)}


def _form(typed: Typed, *, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        possible = [(each.client_id, each.name) for each in list_possible_services(session)]
        institutions = list_institutions(session)
    return render(
        "admin/service_roles/new.html",
        status,
        typed=typed,
        errors=errors,
        possible=[("", _("Elija la aplicación")), *possible],
        role_choices=[("", _("Elija un rol")), *((role.value, words.ROLES[role]) for role in _ROLES)],
        duties=[(words.ROLES[role], words.ROLE_DUTIES[role]) for role in _ROLES],
        institution_choices=[("", _("Todas")), *((each.ruc, each.name) for each in institutions if each.active)],
        institutional=[words.ROLES[role] for role in _ROLES if role in INSTITUTIONAL_ROLES],
    )


def _withdrawal(holding_id: str, *, error: str, status: int = 200) -> Response:
    with services().database.reading() as session:
        found = find_service_role(session, holding_id)
        name = _name(session, client_of(found))
    return render(
        "admin/service_roles/withdraw.html",
        status,
        client_id=client_of(found),
        name=name,
        role=words.role_words(found.role),
        lost=[words.PERMISSIONS[each] for each in Permission if each in PERMISSIONS[found.role]],
        error=error,
    )


def _name(session: Session, client_id: str) -> str:
    try:
        return find_client(session, client_id).name
    except NotFound:
        return client_id
