"""A printed card as a second step: shown once, as a page and as PDF."""

from __future__ import annotations

from flask import Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.codes.enrolment import enroll_card, remove_card
from idp.codes.grid_card import COLUMNS, ROWS, GridCard, find_card, prepare_card, serial_of
from idp.web.access import present, services
from idp.web.forms import Form
from idp.web.guard import Visitor
from idp.web.login import interaction_context
from idp.web.second_steps.blueprint import added, address, blueprint, let_in, waiting
from idp.web.second_steps.printer import as_pdf
from kernel.errors import Conflict, Rejected, Throttled
from web.pages import render
from web.rate_limit import limit


@blueprint.get("/card")
def card() -> AnyResponse:
    """Show the card that waits to be confirmed, and ask for three of its cells."""
    visitor = let_in("second_steps.card")
    if isinstance(visitor, AnyResponse):
        return visitor
    return _show(visitor, Form())


@blueprint.get("/card.pdf")
@limit("20 per minute")
def card_as_pdf() -> AnyResponse:
    """Return the same card to print."""
    visitor = let_in("second_steps.card")
    if isinstance(visitor, AnyResponse):
        return visitor
    made = _prepared(visitor)
    page = render_template("idp/steps/card_print.html", **_of_card(made), name=visitor.person.name)
    response: Response = make_response(as_pdf(page))
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="tarjeta-{made.serial}.pdf"'
    return response


@blueprint.post("/card")
@limit("60 per minute")
def take_cells() -> AnyResponse:
    """Put the card into use."""
    visitor = let_in("second_steps.card")
    if isinstance(visitor, AnyResponse):
        return visitor
    form = Form()
    try:
        with services().database.transaction() as session:
            secret = enroll_card(
                session,
                services=services(),
                person=visitor.person,
                sid=visitor.session.sid,
                code=form.text("code", longest=32),
                now=present(),
            )
    except (Rejected, Conflict) as error:
        form.refuse("code", error)
        return _show(visitor, form, 422)
    except Throttled as error:
        form.refuse("code", error)
        return _show(visitor, form, 429)
    return added(visitor, secret)


@blueprint.get("/card/remove")
def ask_card_removal() -> AnyResponse:
    """Say what removing it changes."""
    visitor = let_in("second_steps.ask_card_removal")
    if isinstance(visitor, AnyResponse):
        return visitor
    return render("idp/steps/remove.html", visitor=visitor, kind="grid")


@blueprint.post("/card/remove")
def take_card_removal() -> AnyResponse:
    """Remove it."""
    visitor = let_in("second_steps.ask_card_removal")
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.transaction() as session:
        remove_card(session, services=services(), person=visitor.person, sid=visitor.session.sid, now=present())
    return redirect(url_for("account.security"), 303)


def _prepared(visitor: Visitor) -> GridCard:
    with services().database.transaction() as session:
        return prepare_card(
            session,
            services=services(),
            person_id=visitor.person.id,
            sid=visitor.session.sid,
            now=present(),
        )


def _of_card(made: GridCard) -> dict[str, object]:
    return {
        "serial": made.serial,
        "columns": COLUMNS,
        "rows": [(row, [made.cells[f"{column}{row}"] for column in COLUMNS]) for row in ROWS],
    }


def _show(visitor: Visitor, form: Form, status: int = 200) -> AnyResponse:
    made = _prepared(visitor)
    with services().database.reading() as session:
        older = find_card(session, visitor.person.id)
    return render(
        "idp/steps/card.html",
        status,
        visitor=visitor,
        form=form,
        asked=made.asked,
        replaced=serial_of(older.id) if older else "",
        back=address("second_steps.choose"),
        pdf=address("second_steps.card_as_pdf"),
        **_of_card(made),
        **interaction_context(waiting()),
    )
