"""Looking a person up, and the person's page: on record at each step, masked until it is opened."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from admin.masking import mask_document, mask_email, mask_name, mask_phone
from admin.permissions import Permission
from admin.person_case import begin_case, find_case, open_case
from admin.web import words
from admin.web.accessor import services
from admin.web.desk.words import DOCUMENTS, LEVELS, METHODS, STATUSES, factor_words
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from idp.accounts.person import find_person
from idp.desk.person_file import read_person_file
from kernel.errors import NotFound, Rejected
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("admin_desk", __name__, url_prefix="/admin/desk", template_folder="../../templates")


@blueprint.get("")
@requires(Permission.PEOPLE_OPEN)
def search_form() -> Response:
    """The form that finds a person."""
    return render("admin/desk/search.html", typed=Typed(), errors={})


@blueprint.post("")
@requires(Permission.PEOPLE_OPEN)
@limit("30 per minute")
def search() -> Response:
    """Find a person by the whole number of his document, on record with the reason."""
    service = services()
    typed = typed_form(("cedula", "reason"))
    try:
        with service.database.transaction() as session:
            case = begin_case(
                session,
                journal=service.journal,
                cedula=typed["cedula"],
                reason=typed["reason"],
                operator_id=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, NotFound) as error:
        field = "reason" if error.code.startswith("reason_") else "cedula"
        return render("admin/desk/search.html", 422, typed=typed, errors={field: problem(error)})
    return redirect(url_for("admin_desk.show", case_id=case.id), 303)


@blueprint.get("/<case_id>")
@requires(Permission.PEOPLE_OPEN)
def show(case_id: str) -> Response:
    """The masked answer, or the person's page once it was opened."""
    service, now = services(), services().clock.now()
    with service.database.reading() as session:
        case = find_case(session, case_id=case_id, operator_id=operator().person_id, now=now, opened=False)
        person = find_person(session, case.person_id)
        if not case.opened:
            return render(
                "admin/desk/found.html", case=case, name=mask_name(person.name), cedula=mask_document(person.document)
            )
        file = read_person_file(session, services=service.idp, person_id=person.id, now=now)
        names = PeopleNames(session)
        activity = [
            (event, words.event_words(event.type.value), words.OUTCOMES[event.outcome]) for event in file.activity
        ]
        checks = [(check, names(check.officer_id)) for check in file.checks]
    return render(
        "admin/desk/person.html",
        case=case,
        file=file,
        cedula=mask_document(person.document),
        email=mask_email(person.email),
        phone=mask_phone(person.phone),
        level=LEVELS[person.level],
        state=STATUSES[person.status],
        factors=[(fact, factor_words(fact.kind)) for fact in file.factors],
        activity=activity,
        checks=checks,
        documents=DOCUMENTS,
        methods=METHODS,
        is_self=person.id == operator().person_id,
        may_verify=operator().powers.allow(Permission.IDENTITIES_VERIFY),
        may_recover=operator().powers.allow(Permission.RECOVERIES_OPEN),
    )


@blueprint.post("/<case_id>")
@requires(Permission.PEOPLE_OPEN)
def reveal(case_id: str) -> Response:
    """Open the person's page, on record."""
    service = services()
    with service.database.transaction() as session:
        open_case(
            session,
            journal=service.journal,
            case_id=case_id,
            operator_id=operator().person_id,
            now=service.clock.now(),
        )
    return redirect(url_for("admin_desk.show", case_id=case_id), 303)
