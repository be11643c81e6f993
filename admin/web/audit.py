"""The evidence: searching it, one event with its proof, checking it, taking it away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from typing import BinaryIO

from flask import Blueprint, Response, redirect, request, send_file, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from admin.evidence import (
    EXPORT_LIMIT,
    check_recent,
    export_evidence,
    integrity,
    read_event,
    reveal_event,
    search_evidence,
)
from admin.evidence_bundle import bundle_event, bundle_search
from admin.permissions import Permission
from admin.person_lookup import look_up_person
from admin.saved_searches import list_searches
from admin.web import words
from admin.web.accessor import services
from admin.web.audit_filters import FILTERS, GROUPS, address, chip_of, filters_of
from admin.web.forms import Typed, typed_form, typed_query
from admin.web.gate import operator, requires
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from admin.web.saved_searches import searching_roles
from audit.proofs import EntryProof, prove_event
from audit.search import EventView, count_events
from audit.vocabulary import Outcome
from kernel.errors import Denied, NotFound, Rejected
from web.csv_export import csv_lines
from web.pages import render

blueprint = Blueprint("admin_audit", __name__, url_prefix="/admin/audit", template_folder="../templates")
_CSV_HEADER = (
    "occurred_at",
    "type",
    "outcome",
    "reason",
    "actor",
    "subject",
    "client_id",
    "object_id",
    "request_id",
    "log_index",
    "id",
)


@dataclass(frozen=True)
class Row:
    """An event as the list shows it; people without full cédula."""

    event: EventView
    what: words.Text | str
    who: str
    about: str
    outcome: tuple[str, str, words.Text]


@blueprint.get("")
@requires(Permission.AUDIT_SEARCH)
def search() -> WerkzeugResponse:
    """Events by the filters in the address, newest first."""
    service = services()
    now = service.clock.now()
    typed = typed_query(FILTERS)
    after = request.args.get("after") or None
    errors: dict[str, str] = {}
    rows: list[Row] = []
    next_cursor, total = None, 0
    person_name = actor_name = ""
    try:
        filters = filters_of(typed)
        with service.database.transaction() as session:
            page = search_evidence(
                session,
                services=service,
                filters=filters,
                filter_names=typed,
                after=after,
                actor=operator().person_id,
                now=now,
            )
            total = count_events(session, filters=filters, most=EXPORT_LIMIT)
            rows, next_cursor = _rows(session, page.events), page.next_cursor
            names = PeopleNames(session)
            person_name = names(typed["person"]) if typed["person"] else ""
            actor_name = names(typed["actor"]) if typed["actor"] else ""
    except Denied:
        return redirect(url_for(".person_form"), 303)
    except Rejected as error:
        errors = {{"bad_date_since": "since", "bad_counted": "type"}.get(error.code, "until"): problem(error)}
    with service.database.reading() as session:
        state = integrity(session, log=services().audit, now=now)
    set_filters = {name: value for name, value in typed.items() if value}
    with service.database.reading() as session:
        kept = list_searches(session, person_id=operator().person_id, roles=searching_roles())
        owners = {each.id: PeopleNames(session)(each.owner) for each in kept if each.owner != operator().person_id}
    people = {"person": (_("Solo sobre"), person_name), "actor": (_("Solo lo que hizo"), actor_name)}
    return render(
        "admin/audit.html",
        422 if errors else 200,
        typed=typed,
        errors=errors,
        rows=rows,
        kept=kept,
        role_words=words.role_words,
        owners=owners,
        save=address("admin_saved_searches.name_form", set_filters) if set_filters and not errors else "",
        total=total,
        most=EXPORT_LIMIT,
        chips=[] if errors else [chip_of(name, set_filters, people) for name in set_filters],
        state=state,
        type_choices=[
            ("", _("Todas")),
            *GROUPS,
            *sorted(((kind.value, str(text)) for kind, text in words.EVENTS.items()), key=lambda pair: pair[1]),
        ],
        outcome_choices=[("", _("Todos")), *((outcome.value, words.OUTCOMES[outcome][2]) for outcome in Outcome)],
        older=address(".search", {**set_filters, "after": next_cursor}) if next_cursor else "",
        newest=address(".search", set_filters) if after else "",
        export=address(".export", set_filters),
        bundle=address(".bundle", set_filters),
        may_export=operator().powers.allow(Permission.AUDIT_EXPORT),
        filtered=bool(set_filters),
    )


@blueprint.get("/person")
@requires(Permission.AUDIT_SEARCH)
def person_form() -> Response:
    """The form that names a person and says why."""
    return render("admin/audit_person.html", typed=Typed(), errors={})


@blueprint.post("/person")
@requires(Permission.AUDIT_SEARCH)
def find_person_events() -> WerkzeugResponse:
    """Find the person, on record with the reason; the address of the answer names no cédula."""
    service = services()
    typed = typed_form(("cedula", "reason"))
    try:
        with service.database.transaction() as session:
            person = look_up_person(
                session,
                journal=service.journal,
                cedula=typed["cedula"],
                reason=typed["reason"],
                actor=operator().person_id,
                purpose="audit",
                now=service.clock.now(),
            )
    except (Rejected, NotFound) as error:
        field = "reason" if error.code.startswith("reason_") else "cedula"
        return render("admin/audit_person.html", 422, typed=typed, errors={field: problem(error)})
    return redirect(url_for(".search", person=person.id), 303)


@blueprint.get("/events/<event_id>")
@requires(Permission.AUDIT_SEARCH)
def show(event_id: str) -> Response:
    """One event and where it stands in the log."""
    service = services()
    with service.database.transaction() as session:
        event = read_event(
            session, services=service, event_id=event_id, actor=operator().person_id, now=service.clock.now()
        )
        return _event_page(session, event, typed=Typed(), errors={})


@blueprint.post("/events/<event_id>")
@requires(Permission.AUDIT_SEARCH)
def reveal(event_id: str) -> Response:
    """The same with its personal data in clear; on record with the reason."""
    service = services()
    typed = typed_form(("reason",))
    try:
        with service.database.transaction() as session:
            event = reveal_event(
                session,
                services=service,
                holder_keys=service.journal.holder_keys,
                event_id=event_id,
                reason=typed["reason"],
                actor=operator().person_id,
                now=service.clock.now(),
            )
            return _event_page(session, event, typed=Typed(), errors={})
    except Rejected as error:
        with service.database.transaction() as session:
            event = read_event(
                session, services=service, event_id=event_id, actor=operator().person_id, now=service.clock.now()
            )
            return _event_page(session, event, typed=typed, errors={"reason": problem(error)}, status=422)


@blueprint.get("/events/<event_id>/proof.json")
@requires(Permission.AUDIT_EXPORT)
def proof(event_id: str) -> Response:
    """The event with the proof that it is in the log, for anyone to check."""
    service = services()
    with service.database.transaction() as session:
        read_event(session, services=service, event_id=event_id, actor=operator().person_id, now=service.clock.now())
        found = prove_event(session, event_id, log_key=service.audit.log_key(service.audit.origin))
    answer = Response(json.dumps(found.as_document(), indent=1), mimetype="application/json")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{event_id}-proof.json")
    return answer


@blueprint.get("/check")
@requires(Permission.AUDIT_SEARCH)
def check_form() -> Response:
    """What a check does, and the button that starts it."""
    with services().database.reading() as session:
        state = integrity(session, log=services().audit, now=services().clock.now())
    return render("admin/audit_check.html", state=state, report=None)


@blueprint.post("/check")
@requires(Permission.AUDIT_SEARCH)
def check() -> Response:
    """Recompute the newest part of the log and say what was found."""
    service = services()
    now = service.clock.now()
    report = check_recent(service, actor=operator().person_id, now=now)
    with service.database.reading() as session:
        state = integrity(session, log=services().audit, now=now)
    return render("admin/audit_check.html", state=state, report=report)


@blueprint.get("/export.csv")
@requires(Permission.AUDIT_EXPORT)
def export() -> WerkzeugResponse:
    """The events of a search as CSV, each cell safe in a spreadsheet."""
    service = services()
    typed = typed_query(FILTERS)
    try:
        with service.database.transaction() as session:
            events = export_evidence(
                session,
                services=service,
                filters=filters_of(typed),
                filter_names=typed,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except Denied:
        return redirect(url_for(".person_form"), 303)
    answer = Response("".join(csv_lines(_CSV_HEADER, _csv_rows(events))), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename="auditoria.csv")
    return answer


@blueprint.get("/events/<event_id>/evidence.zip")
@requires(Permission.AUDIT_EXPORT)
def event_bundle(event_id: str) -> Response:
    """One event, its proof, the signed head, keys, certificates and how to check them without us."""
    service = services()
    packed = bundle_event(services=service, event_id=event_id, actor=operator().person_id, now=service.clock.now())
    return _zip(packed, f"{event_id}.zip")


@blueprint.get("/evidence.zip")
@requires(Permission.AUDIT_EXPORT)
def bundle() -> WerkzeugResponse:
    """The same of the events of a search."""
    service = services()
    typed = typed_query(FILTERS)
    try:
        packed = bundle_search(
            services=service,
            filters=filters_of(typed),
            filter_names=typed,
            actor=operator().person_id,
            now=service.clock.now(),
        )
    except Denied:
        return redirect(url_for(".person_form"), 303)
    return _zip(packed, "evidencia.zip")


def _zip(packed: BinaryIO, name: str) -> Response:
    return send_file(packed, mimetype="application/zip", as_attachment=True, download_name=name, max_age=0)


def _csv_rows(events: list[EventView]) -> Iterator[list[object]]:
    for event in events:
        moment = event.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds")
        yield [moment, *(getattr(event, name) for name in _CSV_HEADER[1:])]


def _event_page(
    session: Session, event: EventView, *, typed: Typed, errors: dict[str, str], status: int = 200
) -> Response:
    service = services()
    found: EntryProof | None = None
    with suppress(NotFound):  # not sealed yet: the page says so
        found = prove_event(session, event.id, log_key=service.audit.log_key(service.audit.origin))
    (row,) = _rows(session, (event,))
    return render(
        "admin/audit_event.html",
        status,
        row=row,
        event=event,
        proof=found,
        typed=typed,
        errors=errors,
        may_export=operator().powers.allow(Permission.AUDIT_EXPORT),
    )


def _rows(session: Session, events: tuple[EventView, ...]) -> list[Row]:
    names = PeopleNames(session)
    rows = []
    for event in events:
        about = [event.client_id or "", event.object_id or ""]
        if event.subject and event.subject != event.actor:
            about.insert(0, names(event.subject))
        rows.append(
            Row(
                event=event,
                what=words.event_words(event.type),
                who=names(event.actor or event.subject or "") or event.client_id or "",
                about=" · ".join(part for part in about if part),
                outcome=words.OUTCOMES[event.outcome],
            )
        )
    return rows
