"""Institutions: the list, and adding one."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.problems import problem
from idp.directory.institutions import add_institution, list_institutions
from idp.directory.ruc import has_check_digit
from kernel.errors import Conflict, Rejected
from web.pages import render

blueprint = Blueprint("admin_institutions", __name__, url_prefix="/admin/institutions", template_folder="../templates")
_FIELDS = {"bad_ruc": "ruc", "institution_exists": "ruc", "bad_institution_name": "name", "bad_domain": "domains"}


@blueprint.get("")
@requires(Permission.INSTITUTIONS_READ)
def show_all() -> Response:
    """The institutions that this operator's roles reach, by name."""
    powers = operator().powers
    reach = powers.institutions(Permission.INSTITUTIONS_READ)
    with services().database.reading() as session:
        found = [item for item in list_institutions(session) if reach is None or item.ruc in reach]
    return render(
        "admin/institutions.html",
        institutions=found,
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
