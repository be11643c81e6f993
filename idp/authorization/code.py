"""Writing an authorization code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, delete, update
from sqlalchemy.orm import Session

from idp.authentication.browser_session import BrowserSession
from idp.authorization.model import AuthorizationCodeRow
from idp.protocol.authorization_request import AuthorizationRequest
from kernel.identifiers import new_secret, sha256_hex
from kernel.late_rows import insert_later

_TABLE = cast(Table, AuthorizationCodeRow.__table__)
# RFC 6749 §4.1.2 allows ten minutes; a browser needs seconds. A policy may shorten it.
CODE_LIFETIME = timedelta(seconds=60)
# Used and expired codes are remembered, so that a late second use is still seen for what it is.
KEPT_FOR = timedelta(days=1)


def write_authorization_code(
    session: Session,
    *,
    request: AuthorizationRequest,
    browser_session: BrowserSession,
    scopes: Sequence[str],
    acr: str,
    lifetime: timedelta,
    interaction_id: str | None,
    now: datetime,
) -> str:
    """Write a code for ``request`` in the caller's transaction; return the code.

    :param scopes: what is given of what was asked; APIs and single claims stand in the terms.
    :param acr: what to state of the login.
    :param interaction_id: what ends in this code. A form sent again gets another one, and the one before, which nobody
        has redeemed, dies: of one decision one code lives.
    """
    if interaction_id is not None:
        session.execute(
            update(AuthorizationCodeRow)
            .where(
                AuthorizationCodeRow.interaction_id == interaction_id,
                AuthorizationCodeRow.redeemed_at.is_(None),
                AuthorizationCodeRow.expires_at > now,
            )
            .values(expires_at=now)
        )
    code = new_secret()
    insert_later(
        session,
        _TABLE,
        {
            "code_sha256": sha256_hex(code),
            "interaction_id": interaction_id,
            "client_id": request.client_id,
            "redirect_uri": request.redirect_uri,
            "challenge": request.code_challenge,
            "nonce": request.nonce,
            "person_id": browser_session.person_id,
            "sid": browser_session.sid,
            "authenticated_at": browser_session.authenticated_at,
            "acr": acr,
            "amr": list(browser_session.amr),
            "scopes": [scope for scope in scopes if scope in request.scopes],
            "terms": request.terms.given(scopes).to_document(),
            "jkt": request.dpop_jkt,
            "created_at": now,
            "expires_at": now + min(lifetime, CODE_LIFETIME),
            "redeemed_at": None,
        },
    )
    return code


def purge_codes(session: Session, *, now: datetime) -> int:
    """Delete codes that expired a day ago; return how many."""
    gone = session.execute(
        delete(AuthorizationCodeRow)
        .where(AuthorizationCodeRow.expires_at <= now - KEPT_FOR)
        .returning(AuthorizationCodeRow.code_sha256)
    )
    return len(gone.all())
