"""Who holds what in applications: the list, and the same as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.masking import mask_document
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.forms import Typed, typed_query
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing, contains
from admin.web.rights.place import blueprint, reaches, sections
from idp.directory.institutions import list_institutions
from idp.rights.reports import Line, report_holders
from web.csv_export import csv_lines
from web.locale import current_language
from web.pages import render

_AGES = (("", _l("Cualquiera")), ("90", _l("Más de 90 días")), ("365", _l("Más de un año")))
_HEADS = (
    Head("person", _l("Persona"), "up"),
    Head("role", _l("Rol"), "up"),
    Head("institution", _l("Institución"), "up"),
    Head("since", _l("Desde"), "down"),
    Head("until", _l("Hasta"), "up"),
    Head("used", _l("Último uso"), "up"),
)
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


@blueprint.get("")
@requires(Permission.RIGHTS_READ)
def show_all() -> Response:
    """Who holds what, in the institutions that the operator reaches."""
    typed = typed_query(("institution", "older", "pending", "q"))
    with services().database.reading() as session:
        lines = [
            each
            for each in _report(session, typed)
            if contains(typed["q"], each.person_name, each.role.said(current_language()), each.client_name)
        ]
        waiting = _report(session, Typed(pending="1", institution=typed["institution"]))
        institutions = [each for each in list_institutions(session) if reaches(each)]
    listing = asked_listing(
        ".show_all",
        heads=_HEADS,
        filters=(
            Filter("q", _l("Persona, rol o aplicación")),
            Filter(
                "institution", _l("Institución"), [("", _("Todas")), *((each.ruc, each.name) for each in institutions)]
            ),
            Filter("older", _l("Dado hace"), _AGES),
        ),
    )
    keys: dict[str, Callable[[Line], object]] = {
        "person": lambda each: each.person_name,
        "role": lambda each: each.role.said(current_language()),
        "institution": lambda each: each.institution_name,
        "since": lambda each: each.granted_at,
        "until": lambda each: each.assignment.valid_until,
        "used": lambda each: each.assignment.last_used_at,
    }
    may_assign = operator().powers.institutions(Permission.RIGHTS_ASSIGN) or frozenset()
    return render(
        "admin/rights/holders.html",
        sections=sections(),
        listing=listing.arranged(lines, keys),
        waiting=waiting,
        locale=current_language(),
        institutions=institutions,
        assignable=[each for each in institutions if each.ruc in may_assign],
        typed=typed,
        mask=mask_document,
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
