"""Logout that an application begins, and its pages."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as WerkzeugResponse

from idp.authorization.logout import ConfirmationIsNeeded, LoggedOut, request_logout
from idp.broker.logout_there import begin_logout_there, origin_to_leave_by
from idp.web.access import services
from idp.web.cookies import clear_session_secret, session_secret
from idp.web.cross_site import ask_again_with_get, comes_without_our_cookies
from idp.web.leaving import leave_to
from web.error_pages import offer_way_on
from web.headers import allow_form_redirect_to
from web.locale import prefer_languages
from web.pages import render

blueprint = Blueprint("idp_logout", __name__, template_folder="templates")
# Applications may POST their request (RP-Initiated Logout §2): from another site, hence without our form token.
entrance = Blueprint("idp_logout_entrance", __name__)


@entrance.route("/logout", methods=["GET", "POST"])
def logout() -> Response | WerkzeugResponse:
    """Take a logout request."""
    if request.method == "POST" and comes_without_our_cookies():
        return ask_again_with_get([*request.args.items(multi=True), *request.form.items(multi=True)])
    return _answer(confirmed=False)


@blueprint.post("/logout/confirm")
def confirm() -> Response | WerkzeugResponse:
    """Take the person's word on the confirmation page."""
    if request.form.get("decision") != "yes":
        return render("idp/logout_kept.html")
    return _answer(confirmed=True)


def _answer(*, confirmed: bool) -> Response | WerkzeugResponse:
    provider = services()
    offer_way_on(gettext("Ir a su cuenta"), url_for("account.home"))
    pairs = [] if confirmed else list(request.args.items(multi=True))
    if request.method == "POST":
        pairs += [pair for pair in request.form.items(multi=True) if pair[0] not in ("csrf_token", "decision")]
    # The footer's choice of language is no parameter of the protocol.
    pairs = [pair for pair in pairs if pair[0] != "lang"]
    with provider.database.transaction() as session:
        outcome = request_logout(
            session,
            services=provider,
            pairs=pairs,
            session_secret=session_secret(),
            confirmed=confirmed,
            now=provider.clock.now(),
        )
        location = outcome.location
        if isinstance(outcome, LoggedOut) and outcome.sid is not None:
            there = begin_logout_there(
                session, services=provider, sid=outcome.sid, then=location, now=provider.clock.now()
            )
            location = there or location
        elif isinstance(outcome, ConfirmationIsNeeded):
            origin = origin_to_leave_by(session, services=provider, sid=outcome.sid)
            if origin is not None:
                allow_form_redirect_to(origin)
    client_name = outcome.client.name if outcome.client else ""
    if isinstance(outcome, ConfirmationIsNeeded):
        if outcome.location is not None:
            allow_form_redirect_to(outcome.location)
        prefer_languages(outcome.ui_locales)
        return render("idp/logout_confirm.html", client_name=client_name, parameters=outcome.parameters)
    if session_secret() is not None:
        # Never the cookie of a request that did not bring one: another site's form must not log anyone out.
        clear_session_secret()
    if location is not None:
        return leave_to(location, frames=outcome.frames)
    if outcome.frames:
        return leave_to(url_for("idp_logout.done"), frames=outcome.frames)
    return render("idp/logged_out.html", client_name=client_name)


@blueprint.get("/logout/done")
def done() -> Response:
    """Say that nobody is logged in here any more."""
    return render("idp/logged_out.html", client_name="")
