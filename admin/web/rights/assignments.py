"""One assignment or proposal: reviewed, decided, ended."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response

from admin.masking import mask_document
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.forms import typed_form
from admin.web.gate import operator, requires
from admin.web.problems import problem
from admin.web.rights.place import REFUSALS, blueprint, institution_reached
from idp.accounts.person import find_person
from idp.directory.institutions import find_institution
from idp.rights.approval import decide_assignment
from idp.rights.assignment import OPEN, end_assignment, find_assignment
from idp.rights.catalog import find_role
from idp.rights.reports import report_holders
from web.locale import current_language
from web.pages import render


@blueprint.get("/institutions/<ruc>/assignments/<assignment_id>")
@requires(Permission.RIGHTS_DECIDE)
def assignment(ruc: str, assignment_id: str) -> Response:
    """One assignment or proposal: what is approved is what stands here."""
    return _assignment_page(ruc, assignment_id, errors={})


@blueprint.post("/institutions/<ruc>/assignments/<assignment_id>")
@requires(Permission.RIGHTS_DECIDE, fresh=True)
def decide(ruc: str, assignment_id: str) -> Response:
    """Approve, refuse or end it."""
    service, typed = services(), typed_form(("decision", "seen", "reason"))
    try:
        with service.database.transaction() as session:
            institution = institution_reached(session, ruc)
            if typed["decision"] == "end":
                end_assignment(
                    session,
                    journal=service.journal,
                    assignment_id=assignment_id,
                    institution_id=institution.id,
                    reason=typed["reason"],
                    actor=operator().person_id,
                    now=service.clock.now(),
                )
            else:
                decide_assignment(
                    session,
                    journal=service.journal,
                    assignment_id=assignment_id,
                    institution_id=institution.id,
                    approved=typed["decision"] == "approve",
                    seen_sha256=typed["seen"],
                    actor=operator().person_id,
                    reason=typed["reason"],
                    now=service.clock.now(),
                )
    except REFUSALS as error:
        return _assignment_page(ruc, assignment_id, errors={"reason": problem(error)}, status=422)
    return redirect(url_for("admin_rights.show_all", institution=ruc), 303)


def _assignment_page(ruc: str, assignment_id: str, *, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        institution = institution_reached(session, ruc)
        found = find_assignment(session, assignment_id, institution_id=institution.id)
        role = find_role(session, found.role_id)
        who = find_person(session, found.person_id)
        owner = find_institution(session, found.institution_id)
        lines = report_holders(
            session,
            institution_rucs=frozenset({ruc}),
            person_id=who.id,
            pending=found.status == "pending",
            now=services().clock.now(),
        )
    line = next((each for each in lines if each.assignment.id == found.id), None)
    return render(
        "admin/rights/assignment.html",
        status,
        institution=owner,
        assignment=found,
        role=role,
        role_words=role.said(current_language()),
        person=who,
        document=mask_document(who.document),
        line=line,
        is_open=found.status in OPEN,
        own=operator().person_id in (found.proposed_by, found.person_id),
        errors=errors,
    )
