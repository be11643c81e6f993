"""Writing an authorization code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.authentication.browser_session import BrowserSession
from idp.authorization.model import AuthorizationCodeRow
from idp.protocol.authorization_request import AuthorizationRequest
from idp.services import IdpServices
from kernel.identifiers import new_secret, sha256_hex

# RFC 6749 §4.1.2 allows ten minutes; a browser needs seconds.
CODE_LIFETIME = timedelta(seconds=60)
# Used and expired codes are remembered, so that a late second use is still seen for what it is.
KEPT_FOR = timedelta(days=1)


def write_authorization_code(
    session: Session,
    *,
    services: IdpServices,
    request: AuthorizationRequest,
    browser_session: BrowserSession,
    scopes: Sequence[str],
    silent: bool,
    now: datetime,
) -> str:
    """Write a code for ``request`` and its event in the caller's transaction; return the code.

    :param scopes: what is given of what was asked; APIs among it stand in the request's terms.
    :param silent: whether the person saw no page of ours: a live session and a consent of before sufficed.
    """
    code = new_secret()
    scopes = [scope for scope in scopes if scope in request.scopes]
    session.add(
        AuthorizationCodeRow(
            code_sha256=sha256_hex(code),
            client_id=request.client_id,
            redirect_uri=request.redirect_uri,
            challenge=request.code_challenge,
            nonce=request.nonce,
            person_id=browser_session.person_id,
            sid=browser_session.sid,
            authenticated_at=browser_session.authenticated_at,
            acr=browser_session.acr,
            amr=list(browser_session.amr),
            scopes=list(scopes),
            terms=request.terms.to_document(),
            jkt=request.dpop_jkt,
            created_at=now,
            expires_at=now + CODE_LIFETIME,
            redeemed_at=None,
        )
    )
    event = Event(
        type=EventType.AUTHORIZATION_GRANTED,
        subject=browser_session.person_id,
        client_id=request.client_id,
        session_id=browser_session.sid,
        details={
            "scopes": list(scopes),
            "resources": list(request.terms.resources),
            "acr": browser_session.acr,
            "silent": silent,
        },
    )
    services.journal.record(session, event, now=now)
    session.flush()
    return code


def purge_codes(session: Session, *, now: datetime) -> int:
    """Delete codes that expired a day ago; return how many."""
    gone = session.execute(
        delete(AuthorizationCodeRow)
        .where(AuthorizationCodeRow.expires_at <= now - KEPT_FOR)
        .returning(AuthorizationCodeRow.code_sha256)
    )
    return len(gone.all())
