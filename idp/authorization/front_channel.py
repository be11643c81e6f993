"""Tokens in the redirect itself (OpenID Connect Core §3.2, §3.3), for the few clients whose policy allows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.authentication.browser_session import BrowserSession
from idp.clients.client import Client
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import RedirectableError, TokenError
from idp.protocol.response_type import ID_TOKEN, TOKEN
from idp.protocol.scope import OFFLINE_ACCESS
from idp.services import IdpServices
from idp.tokens.access_token import ACCESS_TOKEN_LIFETIME
from idp.tokens.family import DeadFamilyError, TokenFamily, start_family
from idp.tokens.id_token import issue_id_token
from idp.tokens.target import target_for_person
from idp.tokens.token_set import issue_family_access_token

GRANT_TYPE = "implicit"


def issue_front_channel_tokens(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    request: AuthorizationRequest,
    browser_session: BrowserSession,
    scopes: Sequence[str],
    acr: str,
    code: str | None,
    txn: str,
    now: datetime,
) -> tuple[dict[str, str], str]:
    """Return the tokens of the answer as its parameters (§3.2.2.5, §3.3.2.5), and the id of their own family.

    :param acr: what to state of the login.
    :param code: what travels beside them; the ID token is bound to it.
    :raises RedirectableError: ``access_denied``, if what they rest on has ended meanwhile; ``invalid_request``, if the
        ID token is to be encrypted and the client has no key for that.
    """
    parts = request.response_type.split(" ")
    family = _start_family(session, services, client, request, browser_session, scopes, acr, now=now)
    event = Event(
        type=EventType.TOKEN_ISSUED,
        subject=family.person_id,
        client_id=client.client_id,
        session_id=family.sid,
        object_id=family.id,
        details={"grant_type": GRANT_TYPE, "scopes": list(family.scopes), "acr": family.acr},
    )
    services.journal.record(session, event, now=now)
    parameters: dict[str, str] = {}
    if TOKEN in parts:
        parameters |= _access_token(session, services, client, family, now=now)
    if ID_TOKEN in parts:
        # §5.4: without an access token nobody could fetch the claims, so the ID token holds them.
        alone = parts == [ID_TOKEN]
        try:
            parameters["id_token"], _ = issue_id_token(
                session,
                services,
                client=client,
                family=family,
                access_token=parameters.get("access_token"),
                code=code,
                state=request.state,
                fetchable=not alone,
                nonce=request.nonce,
                txn=txn,
                now=now,
            )
        except TokenError as error:  # no key to encrypt it to
            raise RedirectableError(error.code, error.public_detail) from error
    return parameters, family.id


def _start_family(
    session: Session,
    services: IdpServices,
    client: Client,
    request: AuthorizationRequest,
    browser_session: BrowserSession,
    scopes: Sequence[str],
    acr: str,
    *,
    now: datetime,
) -> TokenFamily:
    try:
        return start_family(
            session,
            certificates=services.certificates,
            client=client,
            grant_type=GRANT_TYPE,
            origin_sha256=None,
            person_id=browser_session.person_id,
            sid=browser_session.sid,
            # RFC 6749 §4.2.2: no refresh token travels in a redirect, so nothing of it outlives the session.
            scopes=[scope for scope in scopes if scope in request.scopes and scope != OFFLINE_ACCESS],
            terms=request.terms.given(scopes),
            confirmation=None,
            authenticated_at=browser_session.authenticated_at,
            acr=acr,
            amr=browser_session.amr,
            now=now,
        )
    except DeadFamilyError as error:
        raise RedirectableError("access_denied", "The authorization is no longer valid.") from error


def _access_token(
    session: Session, services: IdpServices, client: Client, family: TokenFamily, *, now: datetime
) -> dict[str, str]:
    target = target_for_person(session, services, client=client, family=family, named=(), scopes=family.scopes)
    token = issue_family_access_token(session, services, client=client, family=family, target=target, now=now)
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": str(int(ACCESS_TOKEN_LIFETIME.total_seconds())),
        "scope": " ".join(target.scopes),
    }
