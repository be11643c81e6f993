"""The state of a login that a browser shows to the page at ``check_session_iframe``, and tells nothing by itself."""

from __future__ import annotations

import hmac

from idp.clients.registration.uris import origin_of
from idp.protocol.session_state import session_state
from idp.services import IdpServices
from kernel.identifiers import b64url, new_secret
from keys.sealing import derive_once


def browser_state(services: IdpServices, sid: str) -> str:
    """Return the state that stands for the session ``sid``: the same as long as it lives, in every process."""
    return b64url(hmac.digest(derive_once(services.sealing_secret, "browser-state"), sid.encode(), "sha256"))


def session_state_for(services: IdpServices, *, client_id: str, redirect_uri: str, sid: str) -> str | None:
    """Return the ``session_state`` that goes with an answer to ``redirect_uri``; None where there is no web page."""
    origin = origin_of(redirect_uri)
    if not origin:
        return None
    state = browser_state(services, sid)
    return session_state(client_id=client_id, origin=origin, browser_state=state, salt=new_secret(16))
