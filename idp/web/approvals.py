"""Requests of applications that wait for the person's approval (CIBA Core §8)."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.authentication.assurance import satisfies
from idp.decoupled.approval import decide_approval, find_approval, list_waiting
from idp.decoupled.request import Decision
from idp.web.access import present, services
from idp.web.asked_words import asked_lines
from idp.web.guard import admit
from idp.web.login import begin_own_login
from idp.web.refused_steps import person_logged_in, record_refusals
from kernel.errors import Rejected
from web.error_pages import offer_way_on
from web.pages import render

blueprint = Blueprint("approvals", __name__, template_folder="templates", url_prefix="/account/solicitudes")
record_refusals(blueprint, EventType.BACKCHANNEL_REFUSED, person_logged_in)

_DECISIONS = {"allow": Decision.ALLOWED, "deny": Decision.DENIED, "disown": Decision.DISOWNED}


@blueprint.get("")
def show_all() -> AnyResponse:
    """Show what waits."""
    visitor = admit(back_to=url_for("approvals.show_all"), test_people=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        waiting = list_waiting(session, person_id=visitor.person.id, now=present())
    return render("idp/account_approvals.html", visitor=visitor, waiting=waiting, done=request.args.get("done"))


@blueprint.get("/<request_id>")
def show(request_id: str) -> AnyResponse:
    """Show one request, after the login that it needs."""
    _offer_list()
    address = url_for("approvals.show", request_id=request_id)
    visitor = admit(back_to=address, test_people=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        question = find_approval(
            session,
            request_id=request_id,
            person_id=visitor.person.id,
            preferred=visitor.session.institution_id,
            now=present(),
        )
    return render(
        "idp/account_approval.html",
        visitor=visitor,
        question=question,
        lines=asked_lines(question),
        enough=satisfies(visitor.session.acr, question.request.required_acr, level=visitor.session.level),
        unchosen="choose" in request.args,
    )


@blueprint.post("/<request_id>")
def decide(request_id: str) -> AnyResponse:
    """Take the answer; an approval that needs a stronger login leads there and back, and is asked again."""
    _offer_list()
    address = url_for("approvals.show", request_id=request_id)
    visitor = admit(back_to=address, test_people=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    # Whatever else may be sent: it is no approval.
    decision = _DECISIONS.get(request.form.get("decision", ""), Decision.DENIED)
    with services().database.reading() as session:
        question = find_approval(session, request_id=request_id, person_id=visitor.person.id, now=present())
    required = question.request.required_acr
    if decision is Decision.ALLOWED and not satisfies(visitor.session.acr, required, level=visitor.session.level):
        return redirect(begin_own_login(next_path=address, required_acr=required), 303)
    try:
        with services().database.transaction() as session:
            decide_approval(
                session,
                services=services(),
                request_id=request_id,
                browser_session=visitor.session,
                decision=decision,
                chosen=request.form.getlist("scope"),
                institution=request.form.get("institution", ""),
                now=present(),
            )
    except Rejected as error:
        if error.code != "institution_needed":
            raise
        return redirect(url_for("approvals.show", request_id=request_id, choose="1", _anchor="institution"), 303)
    return redirect(url_for("approvals.show_all", done=decision.value), 303)


def _offer_list() -> None:
    offer_way_on(_("Ver sus solicitudes"), url_for("approvals.show_all"))
