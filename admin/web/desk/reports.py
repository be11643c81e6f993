"""The security officer's queue: what people say they did not do, looked at and closed with words that they read."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.desk_lists import count_reports, search_reports
from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from audit.search import find_event
from idp.desk.model import ReportRow
from idp.desk.report import as_report, close_report, look_at_report
from kernel.errors import Conflict, Denied, NotFound, Rejected
from web.pages import render

blueprint = Blueprint("admin_reports", __name__, url_prefix="/admin/reports", template_folder="../../templates")
_HEADS = (
    Head("number", _l("Número"), "up"),
    Head("person", _l("Persona")),
    Head("received", _l("Recibido"), "down"),
    Head("what", _l("Qué")),
    Head("state", _l("Estado")),
)
_FILTERS = (
    Filter(
        "state",
        _l("Estado"),
        [("", _l("Cualquiera")), ("new", _l("Nuevo")), ("seen", _l("En revisión")), ("closed", _l("Cerrado"))],
    ),
    Filter(
        "kind",
        _l("Qué"),
        [
            ("", _l("Todo")),
            ("activity", _l("Algo en su actividad")),
            ("recovery", _l("Detuvo una recuperación")),
        ],
    ),
)


@blueprint.get("")
@requires(Permission.REPORTS_READ)
def show_all() -> Response:
    """Every report, open ones first."""
    listing = asked_listing(".show_all", heads=_HEADS, filters=_FILTERS)
    with services().database.reading() as session:
        names = PeopleNames(session)
        typed = listing.typed
        listing = listing.counted(count_reports(session, state=typed["state"], kind=typed["kind"]))
        found = search_reports(session, state=typed["state"], kind=typed["kind"], cut=listing.cut)
        lines = [(report, names(report.person_id), names(report.seen_by)) for report in found]
    return render("admin/desk/reports.html", listing=listing.showing(lines))


@blueprint.get("/<report_id>")
@requires(Permission.REPORTS_READ)
def show(report_id: str) -> Response:
    """One report and what it is about; people without full document."""
    return _page(report_id, typed=Typed(), errors={})


@blueprint.post("/<report_id>/look")
@requires(Permission.REPORTS_CLOSE)
def look(report_id: str) -> Response:
    """Note that somebody is at it; the person sees that."""
    service = services()
    with service.database.transaction() as session:
        look_at_report(
            session,
            services=service.idp,
            report_id=report_id,
            officer_id=operator().person_id,
            now=service.clock.now(),
        )
    return redirect(url_for("admin_reports.show", report_id=report_id), 303)


@blueprint.post("/<report_id>")
@requires(Permission.REPORTS_CLOSE)
def close(report_id: str) -> Response:
    """Close it with words."""
    service, typed = services(), typed_form(("words",))
    try:
        with service.database.transaction() as session:
            close_report(
                session,
                services=service.idp,
                report_id=report_id,
                words=typed["words"],
                officer_id=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Denied, Conflict) as error:
        return _page(report_id, typed=typed, errors={"words": problem(error)}, status=422)
    return redirect(url_for("admin_reports.show_all"), 303)


def _page(report_id: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        row = session.get(ReportRow, report_id)
        if row is None:
            raise NotFound("There is no such report.", code="unknown_report")
        report, names = as_report(row), PeopleNames(session)
        event = find_event(session, report.event_id) if report.event_id else None
        return render(
            "admin/desk/report.html",
            status,
            report=report,
            person=names(report.person_id),
            seen_by=names(report.seen_by),
            closed_by=names(report.closed_by),
            event=event,
            what=words.event_words(event.type) if event else "",
            typed=typed,
            errors=errors,
        )
