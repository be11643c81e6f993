"""The people of an institution: linking them, giving them roles, letting them leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.masking import mask_document
from admin.permissions import Permission
from admin.person_lookup import look_up_person
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.listing import Filter, Head, asked_listing, contains
from admin.web.problems import problem
from admin.web.rights.place import REFUSALS, blueprint, institution_reached
from idp.accounts.person import find_person
from idp.directory.institutions import Institution
from idp.rights.assignment import assign_role
from idp.rights.belonging import Belonging, begin_belonging, find_belonging, list_belongings
from idp.rights.catalog import find_role
from idp.rights.delegation import list_delegations
from idp.rights.leaving import leave_institution
from idp.rights.reports import Line, report_holders
from kernel.errors import NotFound, Rejected
from web.locale import current_language
from web.pages import render

_HEADS = (Head("name", _l("Nombre"), "up"), Head("post", _l("Cargo"), "up"), Head("since", _l("Desde"), "down"))


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
            institution = institution_reached(session, ruc)
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
    except (NotFound, *REFUSALS) as error:
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
        institution = institution_reached(session, ruc)
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
        institution = institution_reached(session, ruc)
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


def _changed(ruc: str, belonging_id: str, typed: Typed, work: Callable[[Session, Institution], None]) -> Response:
    fields = {"no_reason": "reason", "bad_dates": "until", "too_long": "until", "bad_day": "until"}
    try:
        with services().database.transaction() as session:
            work(session, institution_reached(session, ruc))
    except (NotFound, *REFUSALS) as error:
        if error.code in ("not_found", "unknown_belonging"):
            raise
        errors = {fields.get(error.code, "role"): problem(error)}
        return _person_page(ruc, belonging_id, typed=typed, errors=errors, status=422)
    return redirect(url_for("admin_rights.person", ruc=ruc, belonging_id=belonging_id), 303)


def _people_page(ruc: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        institution = institution_reached(session, ruc)
        found = [
            (each, find_person(session, each.person_id))
            for each in list_belongings(session, institution_id=institution.id)
        ]
    listing = asked_listing(
        "admin_rights.people", heads=_HEADS, filters=(Filter("q", _l("Nombre o cargo")),), fixed={"ruc": ruc}
    )
    fitting = [pair for pair in found if contains(listing.typed["q"], pair[1].name, pair[0].post or "")]
    return render(
        "admin/rights/people.html",
        status,
        institution=institution,
        listing=listing.arranged(
            fitting,
            {
                "name": lambda pair: pair[1].name,
                "post": lambda pair: pair[0].post or None,
                "since": lambda pair: pair[0].since,
            },
        ),
        mask=mask_document,
        typed=typed,
        errors=errors,
    )


def _person_page(ruc: str, belonging_id: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        institution = institution_reached(session, ruc)
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
