"""The person's sessions: ending one, the others, all."""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.authentication.browser_session import end_browser_session, end_sessions_of, list_browser_sessions
from idp.authentication.geography import place_name
from idp.authentication.session_places import find_session_addresses
from idp.leaving.frontchannel import logout_frames
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.cookies import clear_session_secret
from idp.web.guard import Visitor, admit
from idp.web.leaving import leave_to
from web.locale import current_language
from web.pages import render


@blueprint.get("/sessions")
def sessions() -> AnyResponse:
    """Show where the person is logged in."""
    visitor = admit(back_to=url_for("account.sessions"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        found = list_browser_sessions(session, person_id=visitor.person.id, now=present())
        addresses = find_session_addresses(
            session, services=services(), person_id=visitor.person.id, sids=[item.sid for item in found]
        )
    found.sort(key=lambda item: item.sid != visitor.session.sid)  # this one first, then the one used last
    file = services().settings.geoip_file
    places = {sid: place_name(file, address, language=current_language()) for sid, address in addresses.items()}
    return render("idp/account/sessions.html", visitor=visitor, sessions=found, addresses=addresses, places=places)


@blueprint.get("/sessions/close")
def ask_closing() -> AnyResponse:
    """Say which sessions would end."""
    visitor = admit(back_to=url_for("account.ask_closing", which=request.args.get("which")))
    if isinstance(visitor, AnyResponse):
        return visitor
    which = request.args.get("which", "others")
    with services().database.reading() as session:
        alive = list_browser_sessions(session, person_id=visitor.person.id, now=present())
    chosen = [item for item in alive if _is_chosen(item.id, item.sid, which, visitor)]
    return render("idp/account/close.html", visitor=visitor, which=which, chosen=chosen)


@blueprint.post("/sessions/close")
def close() -> AnyResponse:
    """End one session (by its row), this one, all others, or all."""
    visitor = admit(back_to=url_for("account.home"))
    if isinstance(visitor, AnyResponse):
        return visitor
    which, reason = request.form.get("which", ""), "closed_by_person"
    with services().database.transaction() as session:
        frames = logout_frames(session, services(), sid=visitor.session.sid)
        alive = list_browser_sessions(session, person_id=visitor.person.id, now=present())
        for item in alive:
            if _is_chosen(item.id, item.sid, which, visitor):
                end_browser_session(session, journal=services().journal, sid=item.sid, reason=reason, now=present())
        if which == "all":
            end_sessions_of(
                session, journal=services().journal, person_id=visitor.person.id, reason=reason, now=present()
            )
    if which in ("all", "this"):
        clear_session_secret()
        return leave_to(url_for("account.closed"), frames=frames)
    return redirect(url_for("account.sessions", closed="1"), 303)


@blueprint.get("/closed")
def closed() -> AnyResponse:
    """Say that nobody is logged in here any more."""
    return render("idp/account/closed.html")


def _is_chosen(row_id: str, sid: str, which: str, visitor: Visitor) -> bool:
    if which == "all":
        return True
    if which in ("others", "this"):
        return (sid == visitor.session.sid) is (which == "this")
    return row_id == which
