"""The person's own account: who one is here, sessions, activity, how one logs in, language."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask import session as form_session
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.accounts.life import set_locale
from idp.accounts.person import LOCALES, find_person
from idp.authentication.activity import disown_activity, find_activity, list_activity
from idp.authentication.browser_session import end_browser_session, end_sessions_of, list_browser_sessions
from idp.authentication.factors import change_password, require_own_password
from idp.authentication.interaction import finish_interaction
from idp.authentication.login import look_at_login
from idp.authentication.password import hash_password
from idp.authentication.password_rules import require_acceptable_password
from idp.authentication.recovery_codes import count_recovery_codes
from idp.authentication.steps import Step
from idp.authentication.totp import list_totp
from idp.consent.connected_services import list_connected_services, withdraw_consent
from idp.decoupled.approval import list_waiting
from idp.leaving.frontchannel import logout_frames
from idp.web.access import present, services
from idp.web.activity_words import services_that_acted, words_of
from idp.web.cookies import browser_secret, clear_session_secret, session_secret
from idp.web.forms import Form
from idp.web.guard import Visitor, admit, kept_values
from idp.web.leaving import leave_to
from idp.web.refused_steps import person_logged_in, record_refusals
from kernel.errors import NotFound, Rejected, Throttled
from web.local_address import local_path
from web.pages import render

blueprint = Blueprint("account", __name__, template_folder="templates", url_prefix="/account")
record_refusals(blueprint, EventType.ACCOUNT_CHANGE_REFUSED, person_logged_in)

_RECENT_EVENTS, _EVENTS_A_PAGE = 6, 25


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
        codes = count_recovery_codes(session, person.id)
        connected = list_connected_services(session, person.id, issuer=services().settings.issuer)
        activity = [(event, words_of(session, event)) for event in events]
        waiting = list_waiting(session, person_id=person.id, now=present())
    return render(
        "idp/account.html",
        visitor=visitor,
        sessions=sessions,
        activity=activity,
        recovery_codes=codes,
        connected=connected,
        waiting=waiting,
        kept=kept_values(visitor),
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


@blueprint.get("/security")
def security() -> AnyResponse:
    """Show how the person logs in."""
    visitor = admit(back_to=url_for("account.security"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        factors = list_totp(session, visitor.person.id)
        codes = count_recovery_codes(session, visitor.person.id)
    return render("idp/account_security.html", visitor=visitor, factors=factors, recovery_codes=codes)


@blueprint.get("/services")
def connected_services() -> AnyResponse:
    """Show which applications know what."""
    visitor = admit(back_to=url_for("account.connected_services"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        connected = list_connected_services(session, visitor.person.id, issuer=services().settings.issuer)
    return render("idp/account_services.html", visitor=visitor, connected=connected)


@blueprint.get("/services/<client_id>/withdraw")
def ask_withdrawal(client_id: str) -> AnyResponse:
    """Say what taking back a permission changes."""
    visitor = admit(back_to=url_for("account.ask_withdrawal", client_id=client_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        found = [
            item
            for item in list_connected_services(session, visitor.person.id, issuer=services().settings.issuer)
            if item.client_id == client_id
        ]
    if not found:
        return redirect(url_for("account.connected_services"), 303)
    return render("idp/account_withdraw.html", visitor=visitor, service=found[0])


@blueprint.post("/services/<client_id>/withdraw")
def withdraw(client_id: str) -> AnyResponse:
    """Take back what the application was allowed to know."""
    visitor = admit(back_to=url_for("account.connected_services"))
    if isinstance(visitor, AnyResponse):
        return visitor
    try:
        with services().database.transaction() as session:
            withdraw_consent(
                session,
                journal=services().journal,
                person_id=visitor.person.id,
                client_id=client_id,
                now=present(),
            )
    except NotFound:
        # Taken back before: a double submit.
        pass
    return redirect(url_for("account.connected_services"), 303)


@blueprint.get("/activity")
def activity() -> AnyResponse:
    """Show what the account did, a page at a time."""
    before = request.args.get("before")
    visitor = admit(back_to=url_for("account.activity", before=before))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        shown = list_activity(
            session, services=services(), person_id=visitor.person.id, limit=_EVENTS_A_PAGE, before=before
        )
        told = [(event, words_of(session, event)) for event in shown.events]
        acted = [] if before else services_that_acted(session, person_id=visitor.person.id, now=present())
    return render(
        "idp/account_activity.html",
        visitor=visitor,
        activity=told,
        acted=acted,
        older=shown.older,
        is_later=before is not None,
    )


@blueprint.get("/activity/<event_id>/disown")
def ask_disowning(event_id: str) -> AnyResponse:
    """Say what happens when it was not the person."""
    visitor = admit(back_to=url_for("account.ask_disowning", event_id=event_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        event = find_activity(session, services=services(), person_id=visitor.person.id, event_id=event_id)
        words = words_of(session, event)
    return render("idp/account_disown.html", visitor=visitor, event=event, words=words)


@blueprint.post("/activity/<event_id>/disown")
def disown(event_id: str) -> AnyResponse:
    """End the other sessions and lead to a new password."""
    visitor = admit(back_to=url_for("account.ask_disowning", event_id=event_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.transaction() as session:
        disown_activity(
            session,
            services=services(),
            person_id=visitor.person.id,
            event_id=event_id,
            except_sid=visitor.session.sid,
            now=present(),
        )
    return redirect(url_for("account.password"), 303)


@blueprint.get("/sessions/close")
def ask_closing() -> AnyResponse:
    """Say which sessions would end."""
    visitor = admit(back_to=url_for("account.ask_closing", which=request.args.get("which")))
    if isinstance(visitor, AnyResponse):
        return visitor
    which = request.args.get("which", "others")
    with services().database.reading() as session:
        sessions = list_browser_sessions(session, person_id=visitor.person.id, now=present())
    chosen = [item for item in sessions if _is_chosen(item.id, item.sid, which, visitor)]
    return render("idp/account_close.html", visitor=visitor, which=which, chosen=chosen)


@blueprint.post("/sessions/close")
def close() -> AnyResponse:
    """End one session (by its row), this one, all others, or all."""
    visitor = admit(back_to=url_for("account.home"))
    if isinstance(visitor, AnyResponse):
        return visitor
    which, reason = request.form.get("which", ""), "closed_by_person"
    with services().database.transaction() as session:
        frames = logout_frames(session, services(), sid=visitor.session.sid)
        sessions = list_browser_sessions(session, person_id=visitor.person.id, now=present())
        for item in sessions:
            if _is_chosen(item.id, item.sid, which, visitor):
                end_browser_session(session, journal=services().journal, sid=item.sid, reason=reason, now=present())
        if which == "all":
            end_sessions_of(
                session, journal=services().journal, person_id=visitor.person.id, reason=reason, now=present()
            )
    if which in ("all", "this"):
        clear_session_secret()
        return leave_to(url_for("account.closed"), frames=frames)
    return redirect(url_for("account.home"), 303)


@blueprint.get("/closed")
def closed() -> AnyResponse:
    """Say that nobody is logged in here any more."""
    return render("idp/account_closed.html")


@blueprint.get("/password")
def password() -> AnyResponse:
    """Ask for the old password and a new one."""
    visitor = admit(back_to=url_for("account.password"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    return render("idp/account_password.html", visitor=visitor, form=Form())


@blueprint.post("/password")
def take_password() -> AnyResponse:
    """Change the password."""
    visitor = admit(back_to=url_for("account.password"), sensitive=True)
    if isinstance(visitor, AnyResponse):
        return visitor
    form, person, status = Form(), visitor.person, 422
    old, new = form.password("current_password"), form.password("password")
    try:
        require_acceptable_password(
            new, cedula=person.cedula, names=[person.given_names, person.surnames], email=person.email
        )
    except Rejected as error:
        form.refuse("password", error)
    if not old:
        form.refuse("current_password", Rejected(code="password_missing"))
    if not form.errors:
        try:
            require_own_password(services(), person=person, password=old, now=present())
        except Rejected as error:
            form.refuse("current_password", error)
        except Throttled as error:
            form.refuse("current_password", error)
            status = 429
    if form.errors:
        return render("idp/account_password.html", status, visitor=visitor, form=form)
    phc = hash_password(new)
    with services().database.transaction() as session:
        change_password(session, services=services(), person=person, sid=visitor.session.sid, phc=phc, now=present())
    return redirect(url_for("account.security", changed="password"), 303)


@blueprint.post("/language")
def language() -> AnyResponse:
    """Remember the language for pages and mails."""
    visitor = admit(back_to=url_for("account.home"), keep=("locale",))
    if isinstance(visitor, AnyResponse):
        return visitor
    chosen = request.form.get("locale", "")
    if chosen in LOCALES:
        with services().database.transaction() as session:
            find_person(session, visitor.person.id)
            set_locale(session, services=services(), person_id=visitor.person.id, locale=chosen, now=present())
        form_session["lang"] = chosen
    return redirect(url_for("account.home"), 303)


def _is_chosen(row_id: str, sid: str, which: str, visitor: Visitor) -> bool:
    if which == "all":
        return True
    if which in ("others", "this"):
        return (sid == visitor.session.sid) is (which == "this")
    return row_id == which
