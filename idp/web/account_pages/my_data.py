"""All that is kept about the person, to take along: JSON at once, PDF when the worker has made it."""

from __future__ import annotations

import json

from flask import render_template, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts.data_copy import can_make_pdf, collect_copy, find_copy, note_taking, read_all, request_copy
from idp.accounts.my_data import as_document
from idp.accounts.my_data_sections import SECTIONS
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.account_pages.my_data_words import told_in_words, words_of_section
from idp.web.guard import admit
from kernel.errors import Unavailable
from web.pages import render
from web.rate_limit import limit


@blueprint.get("/my-data")
def my_data() -> AnyResponse:
    """Say what there is, and offer it."""
    visitor = admit(back_to=url_for("account.my_data"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        copy = find_copy(session, person_id=visitor.person.id, now=present())
    return render(
        "idp/account/my_data.html",
        visitor=visitor,
        copy=copy,
        sections=[words_of_section(section.name) for section in SECTIONS],
        with_pdf=can_make_pdf(),
    )


@blueprint.post("/my-data.json")
@limit("30 per hour")
def take_json() -> AnyResponse:
    """Hand everything over as JSON."""
    visitor = admit(back_to=url_for("account.my_data"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.transaction() as session:
        note_taking(session, services=services(), person=visitor.person, form="json", now=present())
    with services().database.reading() as session:
        found = read_all(session, services=services(), person_id=visitor.person.id, now=present())
    document = as_document(found, issuer=services().settings.issuer, now=present())
    response = AnyResponse(json.dumps(document, ensure_ascii=False, indent=1) + "\n", mimetype="application/json")
    return _as_file(response, "json")


@blueprint.post("/my-data/pdf")
@limit("30 per hour")
def prepare_copy() -> AnyResponse:
    """Have everything written as PDF."""
    visitor = admit(back_to=url_for("account.my_data"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    if not can_make_pdf():
        raise Unavailable("This installation makes no PDF.", code="no_pdf")
    with services().database.transaction() as session:
        note_taking(session, services=services(), person=visitor.person, form="pdf", now=present())
    with services().database.reading() as session:
        found = read_all(session, services=services(), person_id=visitor.person.id, now=present())
    page = render_template(
        "idp/account/my_data_pdf.html",
        person=visitor.person,
        made_at=present(),
        issuer=services().settings.issuer,
        sections=told_in_words(found),
    )
    with services().database.transaction() as session:
        request_copy(session, services=services(), person=visitor.person, page=page, now=present())
    return redirect(url_for("account.my_data"), 303)


@blueprint.post("/my-data/<copy_id>.pdf")
def collect_pdf(copy_id: str) -> AnyResponse:
    """Hand the PDF over, once."""
    visitor = admit(back_to=url_for("account.my_data"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.transaction() as session:
        file = collect_copy(session, services=services(), person=visitor.person, copy_id=copy_id, now=present())
    return _as_file(AnyResponse(file, mimetype="application/pdf"), "pdf")


def _as_file(response: AnyResponse, form: str) -> AnyResponse:
    response.headers.set("Content-Disposition", "attachment", filename=f"mis-datos-sau-{present():%Y-%m-%d}.{form}")
    response.headers["Cache-Control"] = "no-store"
    return response
