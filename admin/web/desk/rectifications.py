"""The registration officer's queue: data that people say are wrong, decided with words that they read."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.desk_lists import count_found_rectifications, search_rectifications
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from idp.accounts.person import find_person
from idp.accounts.rectification import (
    FROM_REGISTRY,
    decide_rectification,
    find_rectification,
    registry_answer,
)
from kernel.errors import Conflict, Denied, Rejected, Unavailable
from web.pages import render

blueprint = Blueprint(
    "admin_rectifications", __name__, url_prefix="/admin/rectifications", template_folder="../../templates"
)
DATA = {
    "given_names": _l("Nombres"),
    "surnames": _l("Apellidos"),
    "birth_date": _l("Fecha de nacimiento"),
    "other": _l("Otro dato"),
}
_HEADS = (
    Head("number", _l("Número"), "up"),
    Head("person", _l("Persona")),
    Head("datum", _l("Dato")),
    Head("due", _l("Responder hasta"), "up"),
    Head("state", _l("Estado")),
)
_FILTERS = (
    Filter(
        "state",
        _l("Estado"),
        [
            ("", _l("Cualquiera")),
            ("open", _l("Por decidir")),
            ("overdue", _l("Atrasado")),
            ("accepted", _l("Corregido")),
            ("refused", _l("No se corrigió")),
            ("withdrawn", _l("Lo retiró")),
        ],
    ),
    Filter("datum", _l("Dato"), [("", _l("Todos")), *DATA.items()]),
)


@blueprint.get("")
@requires(Permission.RECTIFICATIONS_DECIDE)
def show_all() -> Response:
    """What waits, the nearest deadline first, then what was decided."""
    listing, now = asked_listing(".show_all", heads=_HEADS, filters=_FILTERS), services().clock.now()
    with services().database.reading() as session:
        names = PeopleNames(session)
        state, datum = listing.typed["state"], listing.typed["datum"]
        listing = listing.counted(count_found_rectifications(session, state=state, datum=datum, now=now))
        found = search_rectifications(session, state=state, datum=datum, now=now, cut=listing.cut)
        lines = [(item, names(item.person_id)) for item in found]
    return render("admin/desk/rectifications.html", listing=listing.showing(lines), data=DATA, now=now)


@blueprint.get("/<request_id>")
@requires(Permission.RECTIFICATIONS_DECIDE)
def show(request_id: str) -> Response:
    """One request."""
    return _page(request_id, typed=Typed(), errors={})


@blueprint.post("/<request_id>")
@requires(Permission.RECTIFICATIONS_DECIDE, fresh=True)
def decide(request_id: str) -> Response:
    """Accept or refuse it; where the datum comes from the civil registry, the registry is asked first."""
    service, typed = services(), typed_form(("answer",))
    accept = request.form.get("decision") == "accept"
    try:
        with service.database.reading() as session:
            found = find_rectification(session, request_id)
            cedula = find_person(session, found.person_id).cedula
        record = registry_answer(service.idp, found, cedula=cedula) if accept else None
        with service.database.transaction() as session:
            decide_rectification(
                session,
                services=service.idp,
                request_id=request_id,
                accept=accept,
                answer=typed["answer"],
                record=record,
                officer_id=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Denied, Conflict, Unavailable) as error:
        return _page(request_id, typed=typed, errors={"answer": problem(error)}, status=422)
    return redirect(url_for("admin_rectifications.show_all"), 303)


def _page(request_id: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    service = services()
    with service.database.reading() as session:
        found, names = find_rectification(session, request_id), PeopleNames(session)
        person = find_person(session, found.person_id)
        return render(
            "admin/desk/rectification.html",
            status,
            item=found,
            person=names(found.person_id),
            decided_by=names(found.decided_by),
            data=DATA,
            by_registry=bool(person.cedula) and found.datum in FROM_REGISTRY and service.idp.civil_registry is not None,
            overdue=found.is_overdue(service.clock.now()),
            typed=typed,
            errors=errors,
        )
