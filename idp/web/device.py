"""Where people type the code that a television or kiosk shows (RFC 8628 §3.3)."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from limits import parse
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.authentication.throttle import network_of_caller
from idp.decoupled.request import Decision
from idp.decoupled.verification import (
    Decided,
    LoginIsNeeded,
    Verification,
    begin_verification,
    decide_on_device,
    leave_verification,
    resume_verification,
)
from idp.protocol.user_code import read_user_code, written_user_code
from idp.web.access import current_session, present, services
from idp.web.asked_words import asked_lines
from idp.web.cookies import browser_secret, obtain_browser_secret, session_secret
from idp.web.forms import Form
from idp.web.refused_steps import journey_named, record_refusals
from kernel.errors import Rejected
from web.error_pages import offer_way_on
from web.pages import render
from web.rate_limit import count, limit, require_not_spent

blueprint = Blueprint("device", __name__, template_folder="templates", url_prefix="/device")
record_refusals(blueprint, EventType.DEVICE_REFUSED, journey_named("interaction_id"))

# Wrong codes. What they make of guessing stands in idp.protocol.user_code.
WRONG_CODES_OF_A_NETWORK = parse("20 per 15 minute")
WRONG_CODES_OF_STRANGERS = parse("600 per hour")
WRONG_CODES_OF_A_PERSON = parse("20 per hour")
_NAME = "idp.user_code"


@blueprint.get("")
def start() -> AnyResponse:
    """Ask for the code; one that came with the address is shown to be compared, and never approves by itself."""
    form = Form()
    form.values["user_code"] = request.args.get("user_code", "")[:40]
    try:
        shown = written_user_code(read_user_code(form.values["user_code"]))
    except Rejected:
        shown = ""
    return render("idp/device_code.html", form=form, shown=shown)


@blueprint.post("")
@limit("120 per minute")
def take_code() -> AnyResponse:
    """Take the code and go on to the login, or to the decision."""
    form = Form()
    user_code = form.read("user_code", read_user_code)
    if user_code is None:
        return render("idp/device_code.html", 422, form=form, shown="")
    key = _guesses_left()
    try:
        with services().database.transaction() as session:
            interaction = begin_verification(
                session,
                services=services(),
                user_code=user_code,
                obtain_browser_secret=obtain_browser_secret,
                now=present(),
            )
    except Rejected as error:
        count(WRONG_CODES_OF_A_NETWORK, _NAME, network_of_caller())
        if key:
            count(WRONG_CODES_OF_A_PERSON, _NAME, key)
        else:
            count(WRONG_CODES_OF_STRANGERS, _NAME, "")
        form.refuse("user_code", error)
        return render("idp/device_code.html", 422, form=form, shown="")
    return redirect(url_for("device.resume", interaction_id=interaction.id), 303)


@blueprint.get("/resume/<interaction_id>")
def resume(interaction_id: str) -> AnyResponse:
    """Show the decision that is due, or what was decided; back to the login where the session does not suffice."""
    _offer_another_code()
    if request.args.get("cancelled"):
        with services().database.transaction() as session:
            leave_verification(session, interaction_id=interaction_id, browser_secret=browser_secret(), now=present())
        return redirect(url_for("device.start"), 303)
    with services().database.transaction() as session:
        outcome = resume_verification(
            session,
            services=services(),
            interaction_id=interaction_id,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            now=present(),
        )
    if isinstance(outcome, LoginIsNeeded):
        return redirect(url_for("login.step", interaction_id=interaction_id), 303)
    if isinstance(outcome, Decided):
        allowed = outcome.decision is Decision.ALLOWED
        return render("idp/device_done.html", allowed=allowed, client_name=outcome.client_name)
    return _show(outcome)


@blueprint.post("/resume/<interaction_id>")
def decide(interaction_id: str) -> AnyResponse:
    """Take the decision."""
    _offer_another_code()
    try:
        with services().database.transaction() as session:
            decide_on_device(
                session,
                services=services(),
                interaction_id=interaction_id,
                browser_secret=browser_secret(),
                session_secret=session_secret(),
                person_id=request.form.get("person", ""),
                decision=Decision.ALLOWED if request.form.get("decision") == "allow" else Decision.DENIED,
                chosen=request.form.getlist("scope"),
                institution=request.form.get("institution", ""),
                now=present(),
            )
    except Rejected as error:
        if error.code != "institution_needed":
            raise
        return redirect(url_for("device.resume", interaction_id=interaction_id, choose="1", _anchor="institution"), 303)
    return redirect(url_for("device.resume", interaction_id=interaction_id), 303)


def _show(verification: Verification) -> AnyResponse:
    asked = verification.question.request
    return render(
        "idp/device_decision.html",
        interaction_id=verification.interaction_id,
        user_code=written_user_code(verification.user_code),
        question=verification.question,
        lines=asked_lines(verification.question),
        same_network=bool(asked.asked_network) and asked.asked_network == network_of_caller(),
        asked=asked,
        unchosen="choose" in request.args,
    )


def _guesses_left() -> str:
    """Check that this network, all strangers together and this person have not guessed too often; return who asks.

    When strangers together have used up what the service answers, people who are logged in go on: nobody can keep
    them out by guessing.

    :raises web.rate_limit.RateLimitedError: with the wait.
    """
    require_not_spent(WRONG_CODES_OF_A_NETWORK, _NAME, network_of_caller())
    found = current_session()
    if found is None:
        require_not_spent(WRONG_CODES_OF_STRANGERS, _NAME, "")
        return ""
    require_not_spent(WRONG_CODES_OF_A_PERSON, _NAME, found.person_id)
    return found.person_id


def _offer_another_code() -> None:
    offer_way_on(_("Escribir otro código"), url_for("device.start"))
