"""Batches of certificates: the list, a small table sent from here, the second person's decision, the result."""

from __future__ import annotations

import io

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as WerkzeugResponse

from admin.certificate_reach import batch_reached
from admin.permissions import Permission
from admin.small_batches import MOST_OCTETS, MOST_ROWS, approve_table, send_table, small_table
from admin.web import words
from admin.web.accessor import services
from admin.web.forms import typed_form
from admin.web.gate import operator, requires, send_to_sign_in
from admin.web.listing import Filter, Head, asked_listing
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from admin.web.words import Text
from ca.bulk.batch import refuse_batch
from ca.bulk.result import write_result
from ca.bulk.run import rehearse_table, run_table
from ca.bulk.table_file import TableFile
from ca.bulk.view import BatchView, RowView, list_batches, list_rows
from ca.profiles.profile import Profile
from idp.directory.institutions import list_institutions
from kernel.errors import Conflict, Denied, NotFound, Rejected
from web.pages import render

blueprint = Blueprint("admin_batches", __name__, url_prefix="/admin/batches", template_folder="../templates")

_SHOWN = 100
STATUSES: dict[str, tuple[str, Text]] = {
    "preparing": ("info", _l("Revisándose")),
    "proposed": ("warn", _l("Espera aprobación")),
    "approved": ("info", _l("Emitiéndose")),
    "issued": ("ok", _l("Emitido")),
    "refused": ("bad", _l("Negado")),
    "expired": ("none", _l("Venció")),
}
_LISTED = 500
_HEADS = (
    Head("table", _l("Tabla"), "up"),
    Head("profile", _l("Perfil")),
    Head("by", _l("Pidió")),
    Head("received", _l("Recibida"), "down"),
    Head("rows", _l("Filas"), "down", numeric=True),
    Head("signed", _l("Firmados"), numeric=True),
    Head("status", _l("Estado"), "up"),
)
_FILTERS = (
    Filter("status", _l("Estado"), [("", _l("Todos")), *((name, text) for name, (_kind, text) in STATUSES.items())]),
)


@blueprint.get("")
@requires(Permission.REQUESTS_READ)
def show_all() -> Response:
    """The newest batches, and the form for a new one."""
    return _list(typed={"profile": "", "institution": ""}, errors={})


@blueprint.post("")
@requires(Permission.CERTIFICATES_REQUEST)
def submit() -> WerkzeugResponse:
    """Take a small table: its rows are judged at once; with ``step`` *try* nothing is stored.

    Where one person decides alone it is signed at once: that takes what deciding a single request takes.
    """
    service, typed = services(), typed_form(("profile", "institution", "step"))
    try:
        powers, institution = operator().powers, typed["institution"] or None
        powers.require_institution(Permission.CERTIFICATES_REQUEST, institution)
        profile = service.ca.profiles.get(typed["profile"])
        if not profile.by_hand:
            raise Rejected("This profile is not asked for by hand.", code="profile_not_requestable")
        signs = typed["step"] != "try" and profile.people == 1 and powers.allow(Permission.CERTIFICATES_APPROVE)
        if signs and not operator().opened.is_fresh(service.clock.now()):
            return send_to_sign_in(fresh=True, person_id=operator().person_id)
        table = _sent_table(typed["profile"])
        if typed["step"] == "try":
            return _tried(table, profile, institution)
        with service.database.transaction() as session:
            batch = send_table(
                session,
                services=service.ca,
                powers=operator().powers,
                table=table,
                profile=typed["profile"],
                institution_ruc=typed["institution"] or None,
                actor=operator().person_id,
                now=service.clock.now(),
            )
        run_table(service.ca, table, batch)
    except (Rejected, Conflict, Denied, NotFound) as error:
        return _list(typed=typed, errors={"table": problem(error)}, status=422)
    return redirect(url_for(".show", batch_id=batch.id), 303)


@blueprint.get("/<batch_id>")
@requires(Permission.REQUESTS_READ)
def show(batch_id: str) -> Response:
    """How far it is, what was refused and why, and the decision."""
    return _page(_load(batch_id, Permission.REQUESTS_READ), errors={})


@blueprint.post("/<batch_id>")
@requires(Permission.CERTIFICATES_APPROVE, fresh=True)
def decide(batch_id: str) -> WerkzeugResponse:
    """Approve exactly what was seen, or refuse; the worker issues what was approved."""
    service, found = services(), _load(batch_id, Permission.CERTIFICATES_APPROVE)
    typed = typed_form(("decision", "reason", "proposal"))
    try:
        with service.database.transaction() as session:
            if typed["decision"] == "approve":
                approve_table(
                    session,
                    services=service.ca,
                    powers=operator().powers,
                    batch_id=found.id,
                    proposal=typed["proposal"],
                    actor=operator().person_id,
                    now=service.clock.now(),
                )
            else:
                refuse_batch(
                    session,
                    services=service.ca,
                    batch_id=found.id,
                    actor=operator().person_id,
                    reason=typed["reason"],
                    now=service.clock.now(),
                )
    except (Rejected, Conflict, Denied) as error:
        return _page(found, errors={"reason": problem(error)}, status=422)
    return redirect(url_for(".show", batch_id=found.id), 303)


@blueprint.get("/<batch_id>/result.zip")
@requires(Permission.CERTIFICATES_READ)
def result(batch_id: str) -> Response:
    """The certificates and every row's outcome."""
    service, found = services(), _load(batch_id, Permission.CERTIFICATES_READ)
    out = io.BytesIO()
    write_result(out, services=service.ca, batch_id=found.id, actor=operator().person_id, now=service.clock.now())
    response = Response(out.getvalue(), mimetype="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=f"lote-{found.id}.zip")
    return response


def _tried(table: TableFile, profile: Profile, institution: str | None) -> Response:
    """What would become of each row."""
    rows: list[RowView] = []
    rehearse_table(
        services().ca,
        table,
        profile=profile,
        institution_ruc=institution,
        report=lambda outcome: rows.extend(outcome.rows),
    )
    return render(
        "admin/batch_tried.html",
        table=table,
        profile=profile,
        rows=rows,
        refused=sum(row.state == "refused" for row in rows),
        problem_of=_problem_of,
    )


def _problem_of(row: RowView) -> str:
    return problem(Rejected(row.reason or "", code=row.code))


def _list(*, typed: dict[str, str], errors: dict[str, str], status: int = 200) -> Response:
    service, powers = services(), operator().powers
    reach = powers.institutions(Permission.REQUESTS_READ)
    listing = asked_listing(".show_all", heads=_HEADS, filters=_FILTERS, order="-received")
    with service.database.reading() as session:
        batches = [
            item
            for item in list_batches(
                session,
                services=service.ca,
                institutions=None if reach is None else tuple(sorted(reach)),
                limit=_LISTED,
            )
            if listing.typed["status"] in ("", item.status.value)
        ]
        names = PeopleNames(session)
        people = {item.id: names(item.requested_by) for item in batches}
        institutions = [
            (item.ruc, item.name) for item in list_institutions(session) if reach is None or item.ruc in reach
        ]
    profiles = [(item.name, words.translated(item.title)) for item in service.ca.profiles.list() if item.by_hand]
    return render(
        "admin/batches.html",
        status=status,
        listing=listing.arranged(
            batches,
            {
                "table": lambda item: item.file_name,
                "received": lambda item: item.created_at,
                "rows": lambda item: item.row_count,
                "status": lambda item: str(STATUSES[item.status.value][1]),
            },
        ),
        people=people,
        statuses=STATUSES,
        typed=typed,
        errors=errors,
        may_request=powers.allow(Permission.CERTIFICATES_REQUEST),
        profile_choices=profiles,
        institution_choices=institutions if reach is not None else [("", _("La que dice cada fila")), *institutions],
        most_rows=MOST_ROWS,
    )


def _page(found: BatchView, *, errors: dict[str, str], status: int = 200) -> Response:
    service = services()
    with service.database.reading() as session:
        refused = list_rows(session, batch_id=found.id, state="refused", limit=_SHOWN)
        names = PeopleNames(session)
        people = {person: names(person) for person in (found.requested_by, *found.approvals)}
    may_approve = operator().powers.allow(Permission.CERTIFICATES_APPROVE)
    return render(
        "admin/batch.html",
        status=status,
        item=found,
        refused=refused,
        people=people,
        statuses=STATUSES,
        errors=errors,
        may_decide=may_approve and found.status.value == "proposed",
        may_approve=may_approve and found.may_be_approved_by(operator().person_id),
        problem_of=_problem_of,
    )


def _load(batch_id: str, permission: Permission) -> BatchView:
    service = services()
    with service.database.reading() as session:
        return batch_reached(session, operator().powers, permission, batch_id, services=service.ca)


def _sent_table(profile: str) -> TableFile:
    sent = request.files.get("table")
    if sent is None or not sent.filename:
        raise Rejected("Choose the table.", code="table_missing")
    octets = sent.stream.read(MOST_OCTETS + 1)
    return small_table(octets, services=services().ca, profile=profile, file_name=sent.filename)
