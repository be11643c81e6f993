"""People and roles: who holds what, and giving and taking it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.giving_roles import give_role
from admin.masking import mask_document
from admin.permissions import INSTITUTIONAL_ROLES, PERMISSIONS, Permission, Role
from admin.person_lookup import look_up_person
from admin.roles import RoleHolding, list_role_holdings, withdraw_role
from admin.web import words
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.listing import Filter, Head, asked_listing, contains
from admin.web.problems import problem
from idp.accounts.person import Person, find_person
from idp.authentication.invitation import Invitation, find_invitation
from idp.directory.institutions import list_institutions
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from web.pages import render

blueprint = Blueprint("admin_roles", __name__, url_prefix="/admin/people", template_folder="../templates")

_HEADS = (
    Head("person", _l("Persona"), "up"),
    Head("role", _l("Rol"), "up"),
    Head("reach", _l("Alcanza a")),
    Head("by", _l("Lo dio")),
    Head("since", _l("Desde"), "down"),
)


@dataclass(frozen=True)
class Holder:
    """A line of the list: a role and whose it is, without the full cédula.

    :ivar invitation: of somebody who has no account yet.
    """

    holding: RoleHolding
    name: str
    cedula: str
    granted_by: str
    invitation: Invitation | None = None


@blueprint.get("")
@requires(Permission.ROLES_READ)
def show_all() -> Response:
    """Who holds which role."""
    with services().database.reading() as session:
        names: dict[str, Person] = {}
        institutions = {institution.ruc: institution.name for institution in list_institutions(session)}
        reaches = [("", _("Cualquiera")), ("-", _("Todo el servicio")), *institutions.items()]
        listing = asked_listing(
            ".show_all",
            heads=_HEADS,
            filters=(
                Filter("q", _l("Persona")),
                Filter("role", _l("Rol"), [("", _("Cualquiera")), *((role.value, words.ROLES[role]) for role in Role)]),
                Filter("institution", _l("Alcanza a"), reaches),
            ),
            order="person",
        )

        def person(person_id: str) -> Person | None:
            if person_id not in names:
                try:
                    names[person_id] = find_person(session, person_id)
                except ServiceError:
                    return None
            return names[person_id]

        holders = []
        for holding in list_role_holdings(session):
            if listing.typed["role"] not in ("", holding.role) or listing.typed["institution"] not in (
                "",
                holding.institution_ruc or "-",
            ):
                continue
            who, by = person(holding.person_id), person(holding.granted_by)
            granted_by = by.name if by else _("Línea de comandos")
            if who is not None:
                holders.append(Holder(holding, who.name, mask_document(who.document), granted_by))
                continue
            invitation = find_invitation(session, holding.person_id)
            holders.append(Holder(holding, _called(holding.person_id, invitation), "", granted_by, invitation))
    keys: dict[str, Callable[[Holder], object]] = {
        "person": lambda each: each.name,
        "role": lambda each: str(words.role_words(each.holding.role)),
        "since": lambda each: each.holding.granted_at,
    }
    return render(
        "admin/people.html",
        listing=listing.arranged([each for each in holders if contains(listing.typed["q"], each.name)], keys),
        institutions=institutions,
        roles=[(role, words.ROLES[role], words.ROLE_DUTIES[role], _permissions(role)) for role in Role],
        role_words=words.role_words,
        now=services().clock.now(),
        may_grant=operator().powers.allow(Permission.ROLES_GRANT),
    )


@blueprint.get("/search")
@requires(Permission.ROLES_GRANT)
def search_form() -> Response:
    """The form that finds a person."""
    return render("admin/person_search.html", typed=Typed(), errors={})


@blueprint.post("/search")
@requires(Permission.ROLES_GRANT)
def search() -> Response:
    """Find a person by cédula, on record; the address of the answer names no cédula."""
    service = services()
    typed = typed_form(("cedula", "reason"))
    try:
        with service.database.transaction() as session:
            found = look_up_person(
                session,
                journal=service.journal,
                cedula=typed["cedula"],
                reason=typed["reason"],
                actor=operator().person_id,
                purpose="roles",
                now=service.clock.now(),
            )
    except (Rejected, NotFound) as error:
        field = "reason" if error.code.startswith("reason_") else "cedula"
        return render("admin/person_search.html", 422, typed=typed, errors={field: problem(error)})
    return redirect(url_for("admin_roles.show_person", person_id=found.id), 303)


@blueprint.get("/<person_id>")
@requires(Permission.ROLES_GRANT)
def show_person(person_id: str) -> Response:
    """A person's roles, and the form that gives another."""
    return _person_page(person_id, typed=typed_before(), errors={})


@blueprint.post("/<person_id>")
@requires(Permission.ROLES_GRANT, fresh=True)
def grant(person_id: str) -> Response:
    """Give a role."""
    service = services()
    typed = typed_form(("role", "institution"))
    if typed["role"] not in set(Role):
        return _person_page(person_id, typed=typed, errors={"role": _("Elija un rol de la lista")}, status=422)
    try:
        with service.database.transaction() as session:
            give_role(
                session,
                journal=service.journal,
                person_id=person_id,
                role=Role(typed["role"]),
                institution_ruc=typed["institution"] or None,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict, Denied) as error:
        field = "institution" if isinstance(error, Rejected) else "role"
        return _person_page(person_id, typed=typed, errors={field: problem(error)}, status=422)
    return redirect(url_for("admin_roles.show_person", person_id=person_id), 303)


@blueprint.get("/<person_id>/withdraw/<role_name>")
@requires(Permission.ROLES_GRANT)
def confirm_withdrawal(person_id: str, role_name: str) -> Response:
    """Say what the person will no longer do."""
    return _withdrawal_page(person_id, _role(role_name), errors={})


@blueprint.post("/<person_id>/withdraw/<role_name>")
@requires(Permission.ROLES_GRANT, fresh=True)
def withdraw(person_id: str, role_name: str) -> Response:
    """Take a role."""
    service, role = services(), _role(role_name)
    try:
        with service.database.transaction() as session:
            withdraw_role(
                session,
                journal=service.journal,
                person_id=person_id,
                role=role,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except Conflict as error:
        return _withdrawal_page(person_id, role, errors={"confirm": problem(error)}, status=422)
    with service.database.reading() as session:
        if _person_or_none(session, person_id) is None:  # who was invited and has no page
            return redirect(url_for("admin_roles.show_all"), 303)
    return redirect(url_for("admin_roles.show_person", person_id=person_id), 303)


def _called(person_id: str, invitation: Invitation | None) -> str:
    if invitation is None:
        return person_id
    return invitation.name or _("Quien abra el enlace de la primera administración")


def _person_or_none(session: Session, person_id: str) -> Person | None:
    try:
        return find_person(session, person_id)
    except NotFound:
        return None


def _person_page(person_id: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        person = find_person(session, person_id)
        holdings = list_role_holdings(session, person_id=person_id)
        institutions = list_institutions(session)
    held = {holding.role for holding in holdings}
    return render(
        "admin/person.html",
        status,
        person=person,
        cedula=mask_document(person.document),
        holdings=holdings,
        institution_names={item.ruc: item.name for item in institutions},
        institution_choices=[("", _("Todas")), *((item.ruc, item.name) for item in institutions if item.active)],
        role_choices=[("", _("Elija un rol")), *((role.value, words.ROLES[role]) for role in Role if role not in held)],
        duties=[(words.ROLES[role], words.ROLE_DUTIES[role]) for role in Role if role not in held],
        institutional=[words.ROLES[role] for role in Role if role in INSTITUTIONAL_ROLES],
        role_words=words.role_words,
        is_self=person.id == operator().person_id,
        typed=typed,
        errors=errors,
    )


def _withdrawal_page(person_id: str, role: Role, *, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        if role not in {holding.role for holding in list_role_holdings(session, person_id=person_id)}:
            raise NotFound("The person does not hold this role.", code="role_not_held")
        person = _person_or_none(session, person_id)
        invitation = None if person else find_invitation(session, person_id)
    return render(
        "admin/role_withdraw.html",
        status,
        person=person,
        name=person.name if person else _called(person_id, invitation),
        cedula=mask_document(person.document) if person else "",
        role=words.ROLES[role],
        lost=[words.PERMISSIONS[permission] for permission in Permission if permission in PERMISSIONS[role]],
        errors=errors,
    )


def _role(name: str) -> Role:
    if name not in set(Role):
        raise NotFound("There is no such role.")
    return Role(name)


def _permissions(role: Role) -> list[words.Text]:
    return [words.PERMISSIONS[permission] for permission in Permission if permission in PERMISSIONS[role]]
