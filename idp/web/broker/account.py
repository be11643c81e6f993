"""The accounts at institutions that a person has linked: shown, linked with a recent login, let go."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.broker.links import list_linked, unlink
from idp.broker.register import find_provider, list_providers
from idp.broker.request import begin_request
from idp.web.access import present, services
from idp.web.cookies import obtain_browser_secret
from idp.web.guard import admit
from idp.web.refused_steps import person_logged_in, record_refusals
from kernel.errors import NotFound
from web.headers import allow_form_redirect_to
from web.pages import render

blueprint = Blueprint("broker_account", __name__, template_folder="../templates", url_prefix="/account/institutions")
record_refusals(blueprint, EventType.ACCOUNT_CHANGE_REFUSED, person_logged_in)


@blueprint.get("")
def show() -> AnyResponse:
    """Show what is linked, and what could be."""
    visitor = admit(back_to=url_for("broker_account.show"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        linked = list_linked(session, visitor.person.id)
        names = {each.provider for each in linked}
        others = [each for each in list_providers(session, services=services()) if each.name not in names]
    for provider in others:
        allow_form_redirect_to(provider.origin)
    return render("idp/broker/account.html", visitor=visitor, linked=linked, others=others)


@blueprint.post("/<name>/link")
def link(name: str) -> AnyResponse:
    """Go to the provider to show which account is the person's there."""
    visitor = admit(back_to=url_for("broker_account.show"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    secret = obtain_browser_secret()
    with services().database.transaction() as session:
        address = begin_request(
            session,
            services=services(),
            provider=find_provider(session, services=services(), name=name),
            browser_secret=secret,
            interaction_id=None,
            person_id=visitor.person.id,
            now=present(),
        )
    return redirect(address, 303)


@blueprint.post("/<name>/unlink")
def let_go(name: str) -> AnyResponse:
    """Let an account there go; done before is done."""
    visitor = admit(back_to=url_for("broker_account.show"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    try:
        with services().database.transaction() as session:
            unlink(session, services=services(), person_id=visitor.person.id, name=name, now=present())
    except NotFound:
        pass
    return redirect(url_for("broker_account.show", unlinked="1"), 303)
