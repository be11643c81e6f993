"""The account at a glance, and the way back to a page of ours that asked for a login."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts.deletion import find_deletion
from idp.authentication.activity import list_activity
from idp.authentication.browser_session import list_browser_sessions
from idp.authentication.factor_list import list_factors
from idp.authentication.interaction import finish_interaction
from idp.authentication.login import look_at_login
from idp.authentication.phone_recovery import find_phone_recovery
from idp.authentication.steps import Step
from idp.consent.connected_services import list_connected_services
from idp.decoupled.approval import list_waiting
from idp.desk.recovery_record import find_open_recovery
from idp.desk.report import has_open_recheck
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.account_pages.warnings import Situation, warnings_for
from idp.web.activity_words import words_of
from idp.web.cookies import browser_secret, session_secret
from idp.web.guard import admit
from web.local_address import local_path
from web.pages import render

_RECENT_EVENTS = 6


@blueprint.get("")
def home() -> AnyResponse:
    """Show the account at a glance."""
    visitor = admit(back_to=url_for("account.home"))
    if isinstance(visitor, AnyResponse):
        return visitor
    person = visitor.person
    with services().database.reading() as session:
        sessions = list_browser_sessions(session, person_id=person.id, now=present())
        events = list_activity(session, services=services(), person_id=person.id, limit=_RECENT_EVENTS).events
        factors = list_factors(session, person.id)
        deletion = find_deletion(session, person.id)
        recheck_due = has_open_recheck(session, person.id)
        recovery = find_open_recovery(session, person.id, now=present())
        phone_recovery = find_phone_recovery(session, person_id=person.id, now=present())
        certificates = services().personal_certificates.list_of(session, person.id, now=present())
        connected = list_connected_services(session, person.id, issuer=services().settings.issuer)
        activity = [(event, words_of(session, event)) for event in events]
        waiting = list_waiting(session, person_id=person.id, now=present())
    situation = Situation(
        person=person,
        factors=factors,
        now=present(),
        deletion=deletion,
        certificates=certificates,
        recheck_due=recheck_due,
        recovery=recovery,
        phone_recovery=phone_recovery,
    )
    return render(
        "idp/account/home.html",
        visitor=visitor,
        sessions=sessions,
        activity=activity,
        warnings=warnings_for(situation),
        connected=connected,
        waiting=waiting,
    )


@blueprint.get("/<interaction_id>")
def resume(interaction_id: str) -> AnyResponse:
    """Go on to the page of ours that asked for a login, once it is done."""
    with services().database.transaction() as session:
        situation = look_at_login(
            session,
            interaction_id=interaction_id,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            now=present(),
        )
        if situation.step is not Step.DONE:
            return redirect(url_for("login.step", interaction_id=interaction_id), 303)
        finish_interaction(session, interaction_id=interaction_id, now=present())
    parameters = situation.interaction.parameters
    next_path = local_path(str(parameters.get("next", "")), default=url_for("account.home"))
    if parameters.get("kept"):
        next_path += f"{'&' if '?' in next_path else '?'}kept={interaction_id}"
    return redirect(next_path, 303)
