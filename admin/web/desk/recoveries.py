"""Recoveries at a desk: opening one for who stands there, a second officer's word, stopping one, and the list."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.desk_lists import count_recoveries, search_recoveries
from admin.masking import mask_document
from admin.permissions import Permission
from admin.roles import powers_of
from admin.web.accessor import services
from admin.web.desk.cases import case_at_hand, desk_choices, institutions_served
from admin.web.desk.words import DOCUMENTS, METHODS, recovery_state
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.listing import Filter, Head, asked_listing
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from idp.accounts.person import find_person
from idp.desk.desks import find_desk
from idp.desk.document import parse_document_shown
from idp.desk.recovery import approve_recovery, open_recovery
from idp.desk.recovery_end import stop_recovery
from idp.desk.recovery_record import Recovery, find_recovery
from kernel.errors import Conflict, Denied, Rejected
from web.pages import render

blueprint = Blueprint("admin_recoveries", __name__, url_prefix="/admin/recoveries", template_folder="../../templates")
_FIELDS = {
    "document_missing": "document",
    "document_method_missing": "how",
    "document_not_compared": "matches-1",
    "unknown_desk": "desk",
}
_HEADS = (
    Head("person", _l("Persona")),
    Head("by", _l("Abierta por")),
    Head("opened", _l("Abierta"), "down"),
    Head("ready", _l("Sirve desde"), "up"),
    Head("entered", _l("Código escrito")),
    Head("state", _l("Estado")),
    Head("act", _l("Acción")),
)
_FILTERS = (
    Filter("state", _l("Estado"), [("", _l("Cualquiera")), ("open", _l("Abierta")), ("closed", _l("Terminada"))]),
)


@dataclass(frozen=True)
class Line:
    """A recovery as the list tells it; people without full document."""

    recovery: Recovery
    person: str
    officer: str
    second: str
    desk: str
    state: tuple[str, str]
    may_agree: bool


@blueprint.get("")
@requires(Permission.RECOVERIES_READ)
def show_all() -> Response:
    """Every recovery of this operator's desks, open ones first."""
    return _list(errors={})


@blueprint.get("/person/<case_id>")
@requires(Permission.RECOVERIES_OPEN)
def open_form(case_id: str) -> Response:
    """The form that says what was shown and what was lost."""
    return _form(case_id, typed=typed_before(), errors={})


@blueprint.post("/person/<case_id>")
@requires(Permission.RECOVERIES_OPEN, fresh=True)
def open_(case_id: str) -> Response:
    """Open it. The answer is the sheet for the person: the code stands on no other page."""
    service = services()
    typed = typed_form(("document", "how", "desk", "matches", "lost_email", "lost_phone"))
    try:
        shown = parse_document_shown(typed["document"], typed["how"], matches=typed["matches"] == "1")
        with service.database.transaction() as session:
            person_id = case_at_hand(session, case_id).person_id
            recovery, code = open_recovery(
                session,
                services=service.idp,
                person_id=person_id,
                desk_id=typed["desk"],
                shown=shown,
                lost_email=typed["lost_email"] == "1",
                lost_phone=typed["lost_phone"] == "1",
                officer_id=operator().person_id,
                institutions=institutions_served(Permission.RECOVERIES_OPEN),
                holds_duties=not powers_of(session, person_id, now=service.clock.now()).are_none,
                now=service.clock.now(),
            )
            desk = find_desk(session, recovery.desk_id)
    except (Rejected, Conflict, Denied) as error:
        return _form(case_id, typed=typed, errors={_FIELDS.get(error.code, "document"): problem(error)}, status=422)
    return render("admin/desk/sheet.html", recovery=recovery, code=code, desk=desk, issuer=service.settings.issuer)


@blueprint.get("/<recovery_id>/agree")
@requires(Permission.RECOVERIES_OPEN)
def agree_form(recovery_id: str) -> Response:
    """Say what a second officer's word does."""
    with services().database.reading() as session:
        recovery = find_recovery(session, recovery_id, institutions=institutions_served(Permission.RECOVERIES_OPEN))
        line = _line(session, recovery)
    return render("admin/desk/recovery_agree.html", line=line)


@blueprint.post("/<recovery_id>/agree")
@requires(Permission.RECOVERIES_OPEN, fresh=True)
def agree(recovery_id: str) -> Response:
    """A second officer saw person and document, too."""
    service = services()
    try:
        with service.database.transaction() as session:
            approve_recovery(
                session,
                services=service.idp,
                recovery_id=recovery_id,
                officer_id=operator().person_id,
                institutions=institutions_served(Permission.RECOVERIES_OPEN),
                now=service.clock.now(),
            )
    except (Denied, Conflict) as error:
        return _list(errors={"found": problem(error)}, status=422)
    return redirect(url_for("admin_recoveries.show_all"), 303)


@blueprint.get("/<recovery_id>/stop")
@requires(Permission.RECOVERIES_STOP)
def stop_form(recovery_id: str) -> Response:
    """Say what stopping does."""
    with services().database.reading() as session:
        recovery = find_recovery(session, recovery_id, institutions=institutions_served(Permission.RECOVERIES_STOP))
        line = _line(session, recovery)
    return render("admin/desk/recovery_stop.html", line=line)


@blueprint.post("/<recovery_id>/stop")
@requires(Permission.RECOVERIES_STOP, fresh=True)
def stop(recovery_id: str) -> Response:
    """Stop it; its person is told."""
    service = services()
    try:
        with service.database.transaction() as session:
            reach = institutions_served(Permission.RECOVERIES_STOP)
            recovery = find_recovery(session, recovery_id, institutions=reach)
            stop_recovery(
                session,
                services=service.idp,
                recovery_id=recovery.id,
                actor=operator().person_id,
                by="officer" if operator().powers.allow(Permission.RECOVERIES_OPEN) else "security",
                now=service.clock.now(),
            )
    except Conflict as error:
        return _list(errors={"found": problem(error)}, status=422)
    return redirect(url_for("admin_recoveries.show_all"), 303)


def _form(case_id: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    service = services()
    with service.database.reading() as session:
        case = case_at_hand(session, case_id)
        person = find_person(session, case.person_id)
        desks = desk_choices(session, Permission.RECOVERIES_OPEN)
    return render(
        "admin/desk/recover.html",
        status,
        case=case,
        person=person,
        cedula=mask_document(person.document),
        documents=[("", _("Elija el documento")), *DOCUMENTS.items()],
        methods=[("", _("Elija cómo")), *METHODS.items()],
        desks=[("", _("Elija la oficina")), *desks],
        two_people=service.settings.desk_people == 2,
        typed=typed,
        errors=errors,
    )


def _list(*, errors: dict[str, str], status: int = 200) -> Response:
    listing = asked_listing("admin_recoveries.show_all", heads=_HEADS, filters=_FILTERS)
    with services().database.reading() as session:
        reach = institutions_served(Permission.RECOVERIES_READ)
        state = listing.typed["state"]
        listing = listing.counted(count_recoveries(session, institutions=reach, state=state))
        found = search_recoveries(session, institutions=reach, state=state, cut=listing.cut)
        lines = [_line(session, item) for item in found]
    return render(
        "admin/desk/recoveries.html",
        status,
        listing=listing.showing(lines),
        may_stop=operator().powers.allow(Permission.RECOVERIES_STOP),
        errors=errors,
    )


def _line(session: Session, recovery: Recovery) -> Line:
    names, found = PeopleNames(session), operator()
    waits = not recovery.outcome and recovery.ready_at is None
    return Line(
        recovery=recovery,
        person=names(recovery.person_id),
        officer=names(recovery.officer_id),
        second=names(recovery.approved_by),
        desk=find_desk(session, recovery.desk_id).name,
        state=recovery_state(recovery, now=services().clock.now()),
        may_agree=waits
        and found.powers.allow(Permission.RECOVERIES_OPEN)
        and found.person_id not in (recovery.officer_id, recovery.person_id),
    )
