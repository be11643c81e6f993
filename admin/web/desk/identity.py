"""Verifying an identity at a desk: which document, how, where; a second officer decides where the operator says so."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin.masking import mask_document
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.desk.cases import case_at_hand, desk_choices, institutions_served
from admin.web.desk.words import DOCUMENTS, METHODS
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from idp.accounts.person import find_person
from idp.desk.desks import find_desk
from idp.desk.document import parse_document_shown
from idp.desk.identity import approve_check, check_identity, list_waiting_checks, refuse_check
from kernel.errors import Conflict, Denied, Rejected
from web.pages import render

blueprint = Blueprint("admin_identity", __name__, url_prefix="/admin/identity", template_folder="../../templates")
_FIELDS = {
    "document_missing": "document",
    "document_method_missing": "how",
    "document_not_compared": "matches-1",
    "unknown_desk": "desk",
}


@blueprint.get("/person/<case_id>")
@requires(Permission.IDENTITIES_VERIFY)
def verify_form(case_id: str) -> Response:
    """The form that says what was shown."""
    return _form(case_id, typed=typed_before(), errors={})


@blueprint.post("/person/<case_id>")
@requires(Permission.IDENTITIES_VERIFY, fresh=True)
def verify(case_id: str) -> Response:
    """Put the check on record."""
    service = services()
    typed = typed_form(("document", "how", "desk", "matches"))
    try:
        shown = parse_document_shown(typed["document"], typed["how"], matches=typed["matches"] == "1")
        with service.database.transaction() as session:
            check_identity(
                session,
                services=service.idp,
                person_id=case_at_hand(session, case_id).person_id,
                desk_id=typed["desk"],
                shown=shown,
                officer_id=operator().person_id,
                institutions=institutions_served(Permission.IDENTITIES_VERIFY),
                now=service.clock.now(),
            )
    except (Rejected, Conflict, Denied) as error:
        return _form(case_id, typed=typed, errors={_FIELDS.get(error.code, "document"): problem(error)}, status=422)
    return redirect(url_for("admin_desk.show", case_id=case_id), 303)


@blueprint.get("")
@requires(Permission.IDENTITIES_VERIFY)
def waiting() -> Response:
    """The checks that wait for a second officer."""
    return _waiting(errors={})


@blueprint.post("/<check_id>")
@requires(Permission.IDENTITIES_VERIFY, fresh=True)
def decide(check_id: str) -> Response:
    """Agree, or not."""
    service = services()
    act = approve_check if request.form.get("decision") == "approve" else refuse_check
    try:
        with service.database.transaction() as session:
            act(
                session,
                services=service.idp,
                check_id=check_id,
                officer_id=operator().person_id,
                institutions=institutions_served(Permission.IDENTITIES_VERIFY),
                now=service.clock.now(),
            )
    except (Denied, Conflict) as error:
        return _waiting(errors={"found": problem(error)}, status=422)
    return redirect(url_for("admin_identity.waiting"), 303)


def _form(case_id: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        case = case_at_hand(session, case_id)
        person = find_person(session, case.person_id)
        desks = desk_choices(session, Permission.IDENTITIES_VERIFY)
    return render(
        "admin/desk/verify.html",
        status,
        case=case,
        person=person,
        cedula=mask_document(person.document),
        documents=[("", _("Elija el documento")), *DOCUMENTS.items()],
        methods=[("", _("Elija cómo")), *METHODS.items()],
        desks=[("", _("Elija la oficina")), *desks],
        two_people=services().settings.desk_people == 2,
        is_self=person.id == operator().person_id,
        typed=typed,
        errors=errors,
    )


def _waiting(*, errors: dict[str, str], status: int = 200) -> Response:
    service = services()
    with service.database.reading() as session:
        names = PeopleNames(session)
        reach = institutions_served(Permission.IDENTITIES_VERIFY)
        checks = [
            (check, names(check.person_id), names(check.officer_id), find_desk(session, check.desk_id).name)
            for check in list_waiting_checks(session, institutions=reach, now=service.clock.now())
        ]
    return render(
        "admin/desk/checks.html",
        status,
        checks=checks,
        documents=DOCUMENTS,
        methods=METHODS,
        own=operator().person_id,
        errors=errors,
    )
