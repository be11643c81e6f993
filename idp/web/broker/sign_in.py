"""Signing in through an institution's own provider: the page that offers them, the way back, and their logout."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.authentication.interaction import load_interaction
from idp.broker.links import end_by_logout_token
from idp.broker.logout_there import finish_logout_there
from idp.broker.register import find_provider, list_providers, search_providers
from idp.broker.request import begin_request
from idp.broker.sign_in import take_answer
from idp.web.access import present, services
from idp.web.cookies import browser_secret, device_secret, session_secret
from idp.web.login import interaction_context, open_in_browser
from idp.web.refused_steps import journey_named, record_refusals
from kernel.errors import Rejected
from web.csrf import exempt
from web.error_pages import offer_way_on
from web.headers import allow_form_redirect_to
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("broker", __name__, template_folder="../templates")
record_refusals(blueprint, EventType.INTERACTION_REFUSED, journey_named("interaction_id"))

_MOST = 2_000
_SHOWN = 20


@blueprint.get("/login/<interaction_id>/institution")
@limit("60 per minute")
def choose(interaction_id: str) -> Response:
    """Offer the institutions; a search by name, or by the domain of a mail address, works without scripts."""
    typed = request.args.get("q", "")[:100]
    with services().database.reading() as session:
        interaction = load_interaction(
            session, interaction_id=interaction_id, browser_secret=browser_secret(), now=present()
        )
        found = search_providers(list_providers(session, services=services()), typed)
    for provider in found[:_SHOWN]:
        allow_form_redirect_to(provider.origin)
    if interaction.client_origin:
        allow_form_redirect_to(interaction.client_origin)
    return render(
        "idp/broker/choose.html",
        200,
        providers=found[:_SHOWN],
        more=len(found) > _SHOWN,
        typed=typed,
        **interaction_context(interaction),
    )


@blueprint.post("/login/<interaction_id>/institution")
@limit("60 per minute")
def begin(interaction_id: str) -> AnyResponse:
    """Send the browser to the provider."""
    secret = browser_secret()
    with services().database.transaction() as session:
        load_interaction(session, interaction_id=interaction_id, browser_secret=secret, now=present())
        provider = find_provider(session, services=services(), name=request.form.get("provider", "")[:40])
        address = begin_request(
            session,
            services=services(),
            provider=provider,
            browser_secret=secret or "",
            interaction_id=interaction_id,
            person_id=None,
            now=present(),
        )
    return redirect(address, 303)


@blueprint.get("/broker/<name>/callback")
@limit("60 per minute")
def callback(name: str) -> AnyResponse:
    """Take what the provider sent back with the browser. Where it goes on was decided before: nothing here says it."""
    offer_way_on(_("Ingresar de otra forma"), url_for("login.start"))
    with services().database.reading() as session:
        provider = find_provider(session, services=services(), name=name)
    done = take_answer(
        services(),
        provider=provider,
        parameters={key: request.args[key][:_MOST] for key in ("state", "code", "iss", "error") if key in request.args},
        browser_secret=browser_secret(),
        session_secret=session_secret(),
        device_secret=device_secret(),
        now=present(),
    )
    if done.opened is not None:
        open_in_browser(done.opened)
    if done.interaction_id is None:
        return redirect(url_for("broker_account.show", linked="1"), 303)
    return redirect(url_for("login.step", interaction_id=done.interaction_id), 303)


@blueprint.get("/broker/<name>/logged-out")
@limit("60 per minute")
def logged_out(name: str) -> AnyResponse:
    """Take the browser back from the provider's own logout, and on to where ours was to lead."""
    with services().database.transaction() as session:
        provider = find_provider(session, services=services(), name=name, open_only=False)
        location = finish_logout_there(
            session, services=services(), provider=provider, state=request.args.get("state", "")[:_MOST], now=present()
        )
    return redirect(location or url_for("idp_logout.done"), 303)


@blueprint.post("/broker/<name>/logout")
@exempt
@limit("120 per minute")
def logout(name: str) -> AnyResponse:
    """Take a provider's back-channel logout (OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8)."""
    with services().database.reading() as session:
        provider = find_provider(session, services=services(), name=name)
    try:
        end_by_logout_token(
            services(), provider=provider, token=request.form.get("logout_token", "")[:16_000], now=present()
        )
    except Rejected:
        return Response('{"error":"invalid_request"}', 400, {"Cache-Control": "no-store"}, "application/json")
    return Response("", 200, {"Cache-Control": "no-store"})
