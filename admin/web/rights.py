"""Rights in applications: who holds what, and giving it, approving it and ending it within one's institution."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.masking import mask_document
from admin.permissions import Permission
from admin.person_lookup import look_up_person
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form, typed_query
from admin.web.gate import operator, requires, typed_before
from admin.web.problems import problem
from idp.accounts.person import find_person
from idp.directory.institutions import Institution, find_institution, find_institution_by_ruc, list_institutions
from idp.rights.approval import decide_assignment
from idp.rights.assignment import OPEN, assign_role, end_assignment, find_assignment
from idp.rights.belonging import Belonging, begin_belonging, find_belonging, list_belongings
from idp.rights.catalog import find_role
from idp.rights.delegation import list_delegations
from idp.rights.leaving import leave_institution
from idp.rights.reports import Line, report_holders
from kernel.errors import Conflict, Denied, NotFound, Rejected
from web.csv_export import csv_lines
from web.locale import current_language
from web.pages import render

blueprint = Blueprint("admin_rights", __name__, url_prefix="/admin/rights", template_folder="../templates")
_REFUSALS = (Rejected, Conflict, Denied)


@blueprint.get("")
@requires(Permission.RIGHTS_READ)
def show_all() -> Response:
    """Who holds what, in the institutions that the operator reaches."""
    typed = typed_query(("institution", "older", "pending"))
    with services().database.reading() as session:
        lines = _report(session, typed)
        waiting = _report(session, Typed(pending="1", institution=typed["institution"]))
        institutions = [each for each in list_institutions(session) if _reaches(each)]
    may_assign = operator().powers.institutions(Permission.RIGHTS_ASSIGN) or frozenset()
    return render(
        "admin/rights/holders.html",
        lines=lines[:500],
        waiting=waiting,
        locale=current_language(),
        institutions=institutions,
        assignable=[each for each in institutions if each.ruc in may_assign],
        typed=typed,
        mask=mask_document,
        institution_choices=[("", _("Todas")), *((each.ruc, each.name) for each in institutions)],
        age_choices=[("", _("Cualquiera")), ("90", _("Más de 90 días")), ("365", _("Más de un año"))],
    )


@blueprint.get("/export.csv")
@requires(Permission.RIGHTS_READ)
def export() -> Response:
    """The same as a table for other programs."""
    with services().database.reading() as session:
        lines = _report(session, typed_query(("institution", "older", "pending")))
    answer = Response("".join(csv_lines(_CSV_HEADER, _csv_rows(lines))), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename="derechos.csv")
    return answer


@blueprint.get("/institutions/<ruc>")
@requires(Permission.RIGHTS_ASSIGN)
def people(ruc: str) -> Response:
    """The institution's people, and the form that adds one."""
    return _people_page(ruc, typed=typed_before(), errors={})


@blueprint.post("/institutions/<ruc>")
@requires(Permission.RIGHTS_ASSIGN)
def add_person(ruc: str) -> Response:
    """Note that somebody works here, found by the document, on record."""
    service, typed = services(), typed_form(("cedula", "post", "reason"))
    try:
        with service.database.transaction() as session:
            institution = _institution(session, ruc)
            found = look_up_person(
                session,
                journal=service.journal,
                cedula=typed["cedula"],
                reason=typed["reason"],
                actor=operator().person_id,
                purpose="belonging",
                now=service.clock.now(),
            )
            begun = begin_belonging(
                session,
                journal=service.journal,
                institution_id=institution.id,
                person_id=found.id,
                post=typed["post"],
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (NotFound, *_REFUSALS) as error:
        if error.code == "not_found":
            raise
        field = "reason" if error.code.startswith("reason_") else "post" if error.code == "bad_post" else "cedula"
        return _people_page(ruc, typed=typed, errors={field: problem(error)}, status=422)
    return redirect(url_for("admin_rights.person", ruc=ruc, belonging_id=begun.id), 303)


@blueprint.get("/institutions/<ruc>/people/<belonging_id>")
@requires(Permission.RIGHTS_ASSIGN)
def person(ruc: str, belonging_id: str) -> Response:
    """One person's roles by this institution, and the form that gives another."""
    return _person_page(ruc, belonging_id, typed=typed_before(), errors={})


@blueprint.post("/institutions/<ruc>/people/<belonging_id>")
@requires(Permission.RIGHTS_ASSIGN, fresh=True)
def assign(ruc: str, belonging_id: str) -> Response:
    """Give a role, or propose it."""
    service, typed = services(), typed_form(("role", "until", "reason"))

    def work(session: Session, institution: Institution) -> None:
        belonging = find_belonging(session, belonging_id, institution_id=institution.id)
        assign_role(
            session,
            journal=service.journal,
            institution_id=institution.id,
            person_id=belonging.person_id,
            role_id=typed["role"],
            reason=typed["reason"],
            valid_until=_day(typed["until"]),
            actor=operator().person_id,
            now=service.clock.now(),
        )

    return _changed(ruc, belonging_id, typed, work)


@blueprint.get("/institutions/<ruc>/people/<belonging_id>/leave")
@requires(Permission.RIGHTS_ASSIGN)
def ask_leaving(ruc: str, belonging_id: str) -> Response:
    """Say what ends when the person leaves."""
    with services().database.reading() as session:
        institution = _institution(session, ruc)
        belonging = find_belonging(session, belonging_id, institution_id=institution.id)
        lines = _lines_of(session, institution, belonging)
        who = find_person(session, belonging.person_id)
    return render(
        "admin/rights/leave.html",
        institution=institution,
        belonging=belonging,
        person=who,
        lines=lines,
        locale=current_language(),
    )


@blueprint.post("/institutions/<ruc>/people/<belonging_id>/leave")
@requires(Permission.RIGHTS_ASSIGN, fresh=True)
def leave(ruc: str, belonging_id: str) -> Response:
    """Let the person leave: everything that the institution gave ends."""
    service = services()
    with service.database.transaction() as session:
        institution = _institution(session, ruc)
        belonging = find_belonging(session, belonging_id, institution_id=institution.id)
        if belonging.ended_at is None:
            leave_institution(
                session,
                services=service.idp,
                belonging_id=belonging.id,
                institution_id=institution.id,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    return redirect(url_for("admin_rights.people", ruc=ruc), 303)


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
            institution = _institution(session, ruc)
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
    except _REFUSALS as error:
        return _assignment_page(ruc, assignment_id, errors={"reason": problem(error)}, status=422)
    return redirect(url_for("admin_rights.show_all", institution=ruc), 303)


def _institution(session: Session, ruc: str) -> Institution:
    """Return the institution if the operator administers it: the one place where that is asked.

    :raises NotFound: (``not_found``) for every other one, known or not.
    """
    operator().powers.require_institution(Permission.RIGHTS_ASSIGN, ruc)
    return find_institution_by_ruc(session, ruc)


def _reaches(institution: Institution) -> bool:
    reach = operator().powers.institutions(Permission.RIGHTS_READ)
    return reach is None or institution.ruc in reach


def _report(session: Session, typed: Typed) -> list[Line]:
    reach = operator().powers.institutions(Permission.RIGHTS_READ)
    if typed["institution"]:
        operator().powers.require_institution(Permission.RIGHTS_READ, typed["institution"])
        reach = frozenset({typed["institution"]})
    days = int(typed["older"]) if typed["older"].isdecimal() and len(typed["older"]) < 6 else 0
    return report_holders(
        session,
        institution_rucs=reach,
        pending=bool(typed["pending"]),
        older_than=timedelta(days=days) if days else None,
        now=services().clock.now(),
    )


def _changed(ruc: str, belonging_id: str, typed: Typed, work: Callable[[Session, Institution], None]) -> Response:
    fields = {"no_reason": "reason", "bad_dates": "until", "too_long": "until", "bad_day": "until"}
    try:
        with services().database.transaction() as session:
            work(session, _institution(session, ruc))
    except (NotFound, *_REFUSALS) as error:
        if error.code in ("not_found", "unknown_belonging"):
            raise
        errors = {fields.get(error.code, "role"): problem(error)}
        return _person_page(ruc, belonging_id, typed=typed, errors=errors, status=422)
    return redirect(url_for("admin_rights.person", ruc=ruc, belonging_id=belonging_id), 303)


def _people_page(ruc: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        institution = _institution(session, ruc)
        found = [
            (each, find_person(session, each.person_id))
            for each in list_belongings(session, institution_id=institution.id)
        ]
    return render(
        "admin/rights/people.html",
        status,
        institution=institution,
        people=found,
        mask=mask_document,
        typed=typed,
        errors=errors,
    )


def _person_page(ruc: str, belonging_id: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        institution = _institution(session, ruc)
        belonging = find_belonging(session, belonging_id, institution_id=institution.id)
        who = find_person(session, belonging.person_id)
        lines = _lines_of(session, institution, belonging)
        delegated = list_delegations(session, institution_id=institution.id, person_id=operator().person_id)
        roles = [find_role(session, each.role_id) for each in delegated if each.may_assign]
    return render(
        "admin/rights/person.html",
        status,
        institution=institution,
        belonging=belonging,
        person=who,
        document=mask_document(who.document),
        lines=lines,
        locale=current_language(),
        is_self=who.id == operator().person_id,
        role_choices=[
            ("", _("Elija un rol")),
            *((role.id, role.said(current_language())) for role in roles if not role.retired),
        ],
        approved=[role.said(current_language()) for role in roles if role.needs_approval],
        typed=typed,
        errors=errors,
    )


def _assignment_page(ruc: str, assignment_id: str, *, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        institution = _institution(session, ruc)
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


def _lines_of(session: Session, institution: Institution, belonging: Belonging) -> list[Line]:
    now, reach = services().clock.now(), frozenset({institution.ruc})
    return [
        line
        for pending in (False, True)
        for line in report_holders(
            session, institution_rucs=reach, person_id=belonging.person_id, pending=pending, now=now
        )
    ]


def _day(text: str) -> datetime | None:
    """Return the end of a day as typed; empty: None. :raises Rejected: (``bad_day``)."""
    if not text:
        return None
    try:
        # Until the end of that day in continental Ecuador (UTC-5).
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(hours=29)
    except ValueError as error:
        raise Rejected("Write a date.", code="bad_day") from error


_CSV_HEADER = (
    "institution",
    "ruc",
    "application",
    "role",
    "person",
    "document",
    "post",
    "since",
    "until",
    "given_by",
    "approved_by",
    "last_used",
    "status",
)


def _csv_rows(lines: list[Line]) -> Iterator[list[object]]:
    for line in lines:
        held = line.assignment
        yield [
            line.institution_name,
            line.institution_ruc,
            line.client_name,
            line.role.name,
            line.person_name,
            mask_document(line.cedula),
            line.post,
            line.granted_at.isoformat(),
            held.valid_until.isoformat() if held.valid_until else "",
            line.giver,
            line.approver,
            held.last_used_at.isoformat() if held.last_used_at else "",
            held.status,
        ]
