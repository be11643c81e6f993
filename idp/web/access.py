"""What every view of the provider asks for: the services, the time, and who is there."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import g

from idp.authentication.browser_session import BrowserSession, find_browser_session, touch_browser_session
from idp.services import IdpServices
from idp.web.cookies import session_secret
from web.in_progress import application

_VISIT_GRAIN = timedelta(minutes=1)


def services() -> IdpServices:
    """Return what the composition root gave the provider."""
    given: IdpServices = application().extensions["idp"]
    return given


def present() -> datetime:
    """Return the moment of this request: one for all that it does."""
    moment: datetime | None = g.get("idp_now")
    if moment is None:
        moment = g.idp_now = services().clock.now()
    return moment


def current_session() -> BrowserSession | None:
    """Return the live session of the browser that asks, and note its visit; ``None`` when nobody is logged in."""
    secret, now = session_secret(), present()
    if secret is None:
        return None
    with services().database.reading() as session:
        found = find_browser_session(session, secret=secret, now=now)
    if found is not None and found.last_seen_at <= now - _VISIT_GRAIN:
        with services().database.transaction() as session:
            touch_browser_session(session, sid=found.sid, now=now)
    return found
