"""Institutions: the list, each of them, adding and changing one."""

from __future__ import annotations

import json

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.listing import Filter, Head, asked_listing, contains
from admin.web.problems import problem
from idp.directory.institutions import (
    Institution,
    add_institution,
    change_institution,
    find_institution,
    find_institution_by_ruc,
    hold_institution,
    list_institutions,
    set_institution_active,
)
from idp.directory.ruc import has_check_digit
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import sha256_hex
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
_FIELDS = {
    "bad_ruc": "ruc",
    "institution_exists": "ruc",
    "bad_institution_name": "name",
    "bad_domain": "domains",
    "bad_network": "networks",
    "bad_email": "contact_email",
}
_CHANGEABLE = ("name", "domains", "networks", "contact_email")


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


@blueprint.get("/<ruc>")
@requires(Permission.INSTITUTIONS_READ)
def show(ruc: str) -> Response:
    """One institution: what it holds, and where its things are."""
    powers = operator().powers
    with services().database.reading() as session:
        institution = _reached(session, Permission.INSTITUTIONS_READ, ruc)
    return render(
        "admin/institution.html",
        institution=institution,
        doubtful=not has_check_digit(institution.ruc),
        may_change=powers.allow(Permission.INSTITUTIONS_CHANGE),
        may_see=powers.allow,
        permission=Permission,
    )


@blueprint.get("/<ruc>/change")
@requires(Permission.INSTITUTIONS_CHANGE)
def change_form(ruc: str) -> Response:
    """The form with what stands."""
    with services().database.reading() as session:
        institution = _reached(session, Permission.INSTITUTIONS_CHANGE, ruc)
    return render(
        "admin/institution_change.html",
        institution=institution,
        typed=typed_before() or _typed(institution),
        errors={},
    )


@blueprint.post("/<ruc>/change")
@requires(Permission.INSTITUTIONS_CHANGE, fresh=True)
def change(ruc: str) -> Response:
    """Write down what is otherwise, if it still is what was shown."""
    service, typed = services(), typed_form((*_CHANGEABLE, "seen"), limit=20_000)
    try:
        with service.database.transaction() as session:
            institution = _reached(session, Permission.INSTITUTIONS_CHANGE, ruc)
            hold_institution(session, institution.id)
            institution = find_institution(session, institution.id)
            if typed["seen"] != _seen(institution):
                raise Conflict("Somebody else changed it meanwhile.", code="changed_meanwhile")
            changes = _changes(institution, typed)
            change_institution(
                session,
                journal=service.journal,
                institution_id=institution.id,
                changes=changes,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict) as error:
        with service.database.reading() as session:
            institution = _reached(session, Permission.INSTITUTIONS_CHANGE, ruc)
        if isinstance(error, Conflict):
            typed = _typed(institution)
        errors = {_FIELDS.get(error.code, "name"): problem(error) or _("Revise los datos")}
        return render("admin/institution_change.html", 422, institution=institution, typed=typed, errors=errors)
    return redirect(url_for("admin_institutions.show", ruc=ruc), 303)


@blueprint.get("/<ruc>/active")
@requires(Permission.INSTITUTIONS_CHANGE)
def ask_active(ruc: str) -> Response:
    """Say what closing it, or opening it again, does."""
    with services().database.reading() as session:
        institution = _reached(session, Permission.INSTITUTIONS_CHANGE, ruc)
    return render("admin/institution_active.html", institution=institution)


@blueprint.post("/<ruc>/active")
@requires(Permission.INSTITUTIONS_CHANGE, fresh=True)
def set_active(ruc: str) -> Response:
    """Close it, or open it again."""
    service, active = services(), request.form.get("active") == "1"
    with service.database.transaction() as session:
        institution = _reached(session, Permission.INSTITUTIONS_CHANGE, ruc)
        if institution.active != active:
            set_institution_active(
                session,
                journal=service.journal,
                institution_id=institution.id,
                active=active,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    return redirect(url_for("admin_institutions.show", ruc=ruc), 303)


def _reached(session: Session, permission: Permission, ruc: str) -> Institution:
    operator().powers.require_institution(permission, ruc)
    try:
        return find_institution_by_ruc(session, ruc)
    except Rejected as error:
        raise NotFound("There is no such institution.", code="not_found") from error


def _typed(institution: Institution) -> Typed:
    return Typed(
        name=institution.name,
        domains="\n".join(institution.domains),
        networks="\n".join(institution.networks),
        contact_email=institution.contact_email,
        seen=_seen(institution),
    )


def _seen(institution: Institution) -> str:
    """Return the digest of what the form shows: of two changes at once the second one sees the first."""
    return sha256_hex(
        json.dumps([institution.name, institution.domains, institution.networks, institution.contact_email])
    )


def _changes(institution: Institution, typed: Typed) -> dict[str, object]:
    """Return the members that are otherwise; each of them is an event."""
    wanted: dict[str, object] = {
        "name": typed["name"],
        "domains": typed["domains"].replace(",", " ").split(),
        "networks": typed["networks"].replace(",", " ").split(),
        "contact_email": typed["contact_email"],
    }
    stands: dict[str, object] = {
        "name": institution.name,
        "domains": list(institution.domains),
        "networks": list(institution.networks),
        "contact_email": institution.contact_email,
    }
    return {name: value for name, value in wanted.items() if value != stands[name]}
