"""How many sessions of one person an application takes at once, and what becomes of one more.

The session is the browser's: where the oldest is ended, it ends for every application that takes part in it; each
is told as of any end (Back-Channel Logout 1.0).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.person import hold_person
from idp.authentication.browser_session import BrowserSession, end_browser_session, list_browser_sessions
from idp.clients.client import Client
from idp.protocol.errors import RedirectableError
from idp.services import IdpServices
from idp.tokens.model import TokenFamilyRow

END_OLDEST, REFUSE = "end_oldest", "refuse"


def make_room(
    session: Session, services: IdpServices, *, client: Client, browser_session: BrowserSession, now: datetime
) -> None:
    """Let the person go on at ``client`` in this session, as the application's registration wants it.

    :raises RedirectableError: ``access_denied``, if as many sessions as it takes are open and it takes no newer one.
    """
    most = client.metadata.sessions_at_most
    if most is None:
        return
    hold_person(session, browser_session.person_id)  # of two at once, one is the newer
    alive = list_browser_sessions(session, person_id=browser_session.person_id, now=now)
    used = select(TokenFamilyRow.sid).where(
        TokenFamilyRow.client_id == client.client_id, TokenFamilyRow.sid.in_([each.sid for each in alive])
    )
    there = set(session.scalars(used))
    if browser_session.sid in there:
        return
    others = sorted((each for each in alive if each.sid in there), key=lambda each: (each.created_at, each.sid))
    if len(others) < most:
        return
    if client.metadata.when_sessions_are_full == REFUSE:
        raise RedirectableError("access_denied", "As many sessions as this application takes are open.")
    for oldest in others[: len(others) - most + 1]:
        end_browser_session(session, journal=services.journal, sid=oldest.sid, reason="too_many_sessions", now=now)
