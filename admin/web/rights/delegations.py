"""Delegations: who may give, or approve, which role in which institution; giving and withdrawing them."""

from __future__ import annotations

from dataclasses import dataclass

from flask import redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.masking import mask_document
from admin.permissions import Permission
from admin.person_lookup import look_up_person
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form, typed_query
from admin.web.gate import operator, requires, typed_before
from admin.web.listing import Filter, Head, asked_listing
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from admin.web.rights.place import REFUSALS, blueprint, sections
from idp.accounts.person import Person, find_person
from idp.clients.client import find_client, list_clients
from idp.directory.institutions import Institution, find_institution, list_institutions
from idp.rights.belonging import find_belonging_of
from idp.rights.catalog import Role, find_role, list_roles, may_use
from idp.rights.delegation import Delegation, delegate, find_delegation, list_delegations, withdraw_delegation
from kernel.errors import NotFound, ServiceError
from web.locale import current_language
from web.pages import render

_MAY = (("", _l("Darlo o aprobarlo")), ("assign", _l("Darlo")), ("approve", _l("Aprobarlo")))
_HEADS = (
    Head("person", _l("Persona"), "up"),
    Head("role", _l("Rol"), "up"),
    Head("institution", _l("Institución"), "up"),
    Head("may", _l("Puede")),
    Head("since", _l("Desde"), "down"),
    Head("withdraw", _l("Retirar")),
)


@dataclass(frozen=True)
class Line:
    """A delegation as it is shown. :ivar stands: whether the person works there still, so that it counts."""

    delegation: Delegation
    institution: Institution
    role: Role
    application: str
    name: str
    document: str
    giver: str
    stands: bool


@blueprint.get("/delegations")
@requires(Permission.DELEGATIONS_READ)
def delegations() -> Response:
    """Who may give what, in the institutions that the operator reaches."""
    typed, powers = typed_query(("institution", "may")), operator().powers
    if typed["institution"]:
        powers.require_institution(Permission.DELEGATIONS_READ, typed["institution"])
    with services().database.reading() as session:
        institutions = _institutions(session, Permission.DELEGATIONS_READ)
        names = PeopleNames(session)
        lines = [
            _line(session, each, institutions[each.institution_id], names)
            for each in list_delegations(session)
            if each.institution_id in institutions
            and typed["institution"] in ("", institutions[each.institution_id].ruc)
            and (typed["may"] != "assign" or each.may_assign)
            and (typed["may"] != "approve" or each.may_approve)
        ]
    may_change = powers.allow(Permission.DELEGATIONS_CHANGE)
    listing = asked_listing(
        ".delegations",
        heads=_HEADS if may_change else _HEADS[:-1],
        filters=(
            Filter(
                "institution",
                _l("Institución"),
                [("", _("Todas")), *((each.ruc, each.name) for each in institutions.values())],
            ),
            Filter("may", _l("Puede"), _MAY),
        ),
    ).arranged(
        sorted(lines, key=lambda line: (line.institution.name, line.application, line.role.name, line.name)),
        {
            "person": lambda line: line.name,
            "role": lambda line: line.role.said(current_language()),
            "institution": lambda line: line.institution.name,
            "since": lambda line: line.delegation.granted_at,
        },
    )
    return render(
        "admin/rights/delegations.html",
        listing=listing,
        sections=sections(),
        locale=current_language(),
        may_change=may_change,
    )


@blueprint.get("/delegations/new")
@requires(Permission.DELEGATIONS_CHANGE)
def delegate_form() -> Response:
    """First the institution, then who and what."""
    kept = typed_before()
    return _form_page(kept or typed_query(("institution",)), errors={})


@blueprint.post("/delegations/new")
@requires(Permission.DELEGATIONS_CHANGE, fresh=True)
def delegate_role() -> Response:
    """Let a person of the institution, found by the document and on record, give or approve a role there."""
    service = services()
    typed = typed_form(("institution", "cedula", "role", "may", "reason"))
    try:
        with service.database.transaction() as session:
            operator().powers.require_institution(Permission.DELEGATIONS_CHANGE, typed["institution"])
            institution = _by_ruc(session, typed["institution"])
            found = look_up_person(
                session,
                journal=service.journal,
                cedula=typed["cedula"],
                reason=typed["reason"],
                actor=operator().person_id,
                purpose="delegation",
                now=service.clock.now(),
            )
            delegate(
                session,
                journal=service.journal,
                institution_id=institution.id,
                person_id=found.id,
                role_id=typed["role"],
                may_assign=typed["may"] != "approve",
                may_approve=typed["may"] != "assign",
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (NotFound, *REFUSALS) as error:
        if error.code == "not_found":
            raise
        return _form_page(typed, errors={_field(error): problem(error)}, status=422)
    return redirect(url_for("admin_rights.delegations", institution=typed["institution"]), 303)


@blueprint.get("/delegations/<delegation_id>/withdraw")
@requires(Permission.DELEGATIONS_CHANGE)
def ask_withdrawing(delegation_id: str) -> Response:
    """Say what the person will no longer do."""
    with services().database.reading() as session:
        delegation, institution = _reached(session, delegation_id)
        line = _line(session, delegation, institution, PeopleNames(session))
    return render("admin/rights/delegation_withdraw.html", line=line, locale=current_language())


@blueprint.post("/delegations/<delegation_id>/withdraw")
@requires(Permission.DELEGATIONS_CHANGE, fresh=True)
def withdraw_delegated(delegation_id: str) -> Response:
    """Take it back."""
    service = services()
    with service.database.transaction() as session:
        _delegation, institution = _reached(session, delegation_id)
        withdraw_delegation(
            session,
            journal=service.journal,
            delegation_id=delegation_id,
            actor=operator().person_id,
            now=service.clock.now(),
        )
    return redirect(url_for("admin_rights.delegations", institution=institution.ruc), 303)


def _institutions(session: Session, permission: Permission) -> dict[str, Institution]:
    reach = operator().powers.institutions(permission)
    return {each.id: each for each in list_institutions(session) if reach is None or each.ruc in reach}


def _by_ruc(session: Session, ruc: str) -> Institution:
    found = next((each for each in list_institutions(session) if each.ruc == ruc), None)
    if found is None:
        raise NotFound("There is no such institution.", code="unknown_institution")
    return found


def _reached(session: Session, delegation_id: str) -> tuple[Delegation, Institution]:
    delegation = find_delegation(session, delegation_id)
    institution = find_institution(session, delegation.institution_id)
    operator().powers.require_institution(Permission.DELEGATIONS_CHANGE, institution.ruc)
    return delegation, institution


def _line(session: Session, delegation: Delegation, institution: Institution, names: PeopleNames) -> Line:
    role, now = find_role(session, delegation.role_id), services().clock.now()
    try:
        person: Person | None = find_person(session, delegation.person_id)
    except ServiceError:
        person = None
    belonging = find_belonging_of(session, institution_id=institution.id, person_id=delegation.person_id)
    return Line(
        delegation=delegation,
        institution=institution,
        role=role,
        application=find_client(session, role.client_id).name,
        name=person.name if person else delegation.person_id,
        document=mask_document(person.document) if person else "…",
        giver=names(delegation.granted_by),
        stands=belonging is not None and belonging.stands(now) and not role.retired,
    )


def _field(error: ServiceError) -> str:
    if error.code.startswith("reason_"):
        return "reason"
    if error.code == "unknown_institution":
        return "institution"
    if error.code in ("unknown_role", "role_not_offered", "delegated_already"):
        return "role"
    return "cedula"


def _form_page(typed: Typed, *, errors: dict[str, str], status: int = 200) -> Response:
    ruc = typed["institution"]
    with services().database.reading() as session:
        institutions = _institutions(session, Permission.DELEGATIONS_CHANGE)
        chosen = next((each for each in institutions.values() if each.ruc == ruc), None)
        if ruc and chosen is None:
            operator().powers.require_institution(Permission.DELEGATIONS_CHANGE, ruc)
        applications = {each.client_id: each.name for each in list_clients(session)}
        roles = [
            role
            for role in list_roles(session)
            if chosen and may_use(session, client_id=role.client_id, institution_id=chosen.id)
        ]
    said = current_language()
    choices = [
        (role.id, f"{applications.get(role.client_id, role.client_id)}: {role.said(said)}")
        for role in sorted(roles, key=lambda role: (applications.get(role.client_id, ""), role.said(said)))
    ]
    return render(
        "admin/rights/delegation_new.html",
        status,
        chosen=chosen,
        institution_choices=[("", _("Elija una")), *((each.ruc, each.name) for each in institutions.values())],
        role_choices=[("", _("Elija un rol")), *choices],
        approved=[role.said(said) for role in roles if role.needs_approval],
        typed=typed,
        errors=errors,
    )
