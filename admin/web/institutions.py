"""Institutions: the list, and adding one."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing, contains
from admin.web.problems import problem
from idp.directory.institutions import add_institution, list_institutions
from idp.directory.ruc import has_check_digit
from kernel.errors import Conflict, Rejected
from web.pages import render

blueprint = Blueprint("admin_institutions", __name__, url_prefix="/admin/institutions", template_folder="../templates")
_HEADS = (
    Head("name", _l("Nombre"), "up"),
    Head("ruc", _l("RUC"), "up"),
    Head("domains", _l("Dominios")),
    Head("state", _l("Estado")),
)
_FILTERS = (
    Filter("q", _l("Nombre, RUC o dominio")),
    Filter("state", _l("Estado"), [("", _l("Cualquiera")), ("active", _l("Activa")), ("inactive", _l("Inactiva"))]),
)
_FIELDS = {"bad_ruc": "ruc", "institution_exists": "ruc", "bad_institution_name": "name", "bad_domain": "domains"}


@blueprint.get("")
@requires(Permission.INSTITUTIONS_READ)
def show_all() -> Response:
    """The institutions that this operator's roles reach, by name."""
    powers = operator().powers
    reach = powers.institutions(Permission.INSTITUTIONS_READ)
    with services().database.reading() as session:
        found = [item for item in list_institutions(session) if reach is None or item.ruc in reach]
    listing = asked_listing(".show_all", heads=_HEADS, filters=_FILTERS, order="name")
    fitting = [
        item
        for item in found
        if contains(listing.typed["q"], item.name, item.ruc, *item.domains)
        and listing.typed["state"] in ("", "active" if item.active else "inactive")
    ]
    return render(
        "admin/institutions.html",
        listing=listing.arranged(fitting, {"name": lambda item: item.name, "ruc": lambda item: item.ruc}),
        doubtful={item.ruc for item in found if not has_check_digit(item.ruc)},
        may_add=powers.allow(Permission.INSTITUTIONS_ADD),
    )


@blueprint.get("/new")
@requires(Permission.INSTITUTIONS_ADD)
def add_form() -> Response:
    """The form that adds one."""
    return render("admin/institution_new.html", typed=Typed(), errors={})


@blueprint.post("/new")
@requires(Permission.INSTITUTIONS_ADD)
def add() -> Response:
    """Add an institution."""
    service = services()
    typed = typed_form(("ruc", "name", "domains"))
    try:
        with service.database.transaction() as session:
            add_institution(
                session,
                journal=service.journal,
                ruc=typed["ruc"],
                name=typed["name"],
                domains=typed["domains"].replace(",", " ").split(),
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict) as error:
        errors = {_FIELDS.get(error.code, "name"): problem(error) or _("Revise los datos")}
        return render("admin/institution_new.html", 422, typed=typed, errors=errors)
    return redirect(url_for("admin_institutions.show_all"), 303)
