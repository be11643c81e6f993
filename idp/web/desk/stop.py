"""Stopping a recovery that one did not ask for: from a notice, without a login, by a form and never by a link alone."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.desk.recovery_end import find_stoppable, stop_recovery
from idp.web.access import present, services
from idp.web.forms import Form
from idp.web.refused_steps import Concern, record_refusals
from kernel.errors import NotFound, Rejected
from web.error_pages import offer_way_on
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("recovery_stop", __name__, template_folder="../templates")
record_refusals(blueprint, EventType.DESK_RECOVERY_REFUSED, Concern)


@blueprint.get("/recovery/stop")
def start() -> AnyResponse:
    """Ask for the code of a short message."""
    return render("idp/desk/stop_code.html", form=Form())


@blueprint.post("/recovery/stop")
@limit("30 per minute")
def find() -> AnyResponse:
    """Take the code and lead to the question."""
    form = Form()
    code = form.text("code").strip()
    try:
        if not code:
            raise Rejected(code="code_missing")
        with services().database.reading() as session:
            find_stoppable(session, services=services(), stop_code=code)
    except (NotFound, Rejected) as error:
        form.refuse("code", error)
        return render("idp/desk/stop_code.html", 422, form=form)
    return redirect(url_for("recovery_stop.ask", code=code), 303)


@blueprint.get("/recovery/stop/<code>")
@limit("60 per minute", methods=["GET"])
def ask(code: str) -> AnyResponse:
    """Say what stopping does. Opening the page changes nothing: mail scanners open links."""
    offer_way_on(_("Ver las oficinas de atención"), url_for("desks.show_all"))
    with services().database.reading() as session:
        recovery = find_stoppable(session, services=services(), stop_code=code)
    return render("idp/desk/stop.html", recovery=recovery)


@blueprint.post("/recovery/stop/<code>")
@limit("30 per minute")
def stop(code: str) -> AnyResponse:
    """Stop it; nobody has to log in to say no."""
    offer_way_on(_("Ver las oficinas de atención"), url_for("desks.show_all"))
    with services().database.transaction() as session:
        recovery = find_stoppable(session, services=services(), stop_code=code)
        stop_recovery(
            session, services=services(), recovery_id=recovery.id, actor="anonymous", by="contact", now=present()
        )
    return render("idp/desk/stopped.html")
