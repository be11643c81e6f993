"""Logout that an application begins (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authentication.browser_session import BrowserSession, end_browser_session, find_browser_session
from idp.clients.client import Client, find_client
from idp.leaving.frontchannel import logout_frames
from idp.protocol.errors import NotRedirectableError
from idp.protocol.jose import JwtError
from idp.protocol.parameters import Parameters, ParametersError, read_parameters
from idp.protocol.response_mode import with_query
from idp.services import IdpServices
from idp.tokens.family import revoke_session_families
from idp.tokens.id_token import IdTokenHint, read_id_token_hint
from idp.tokens.session_name import sid_for
from idp.tokens.subject import subject_for
from kernel.errors import NotFound


@dataclass(frozen=True)
class LoggedOut:
    """Nobody is logged in in this browser.

    :ivar location: where the application wants the browser, registered and with its ``state``; or None.
    :ivar frames: addresses that the browser is to load, so that applications end their own sessions in it.
    :ivar sid: of the session that ended, None if there was none.
    """

    location: str | None
    client: Client | None
    frames: tuple[str, ...] = ()
    sid: str | None = None


@dataclass(frozen=True)
class ConfirmationIsNeeded:
    """The person must say it: nothing proves that the request comes from an application that he uses.

    :ivar parameters: what the confirmation form carries along; it is checked again.
    :ivar ui_locales: the languages that the application asks for, best first.
    """

    client: Client | None
    location: str | None
    parameters: dict[str, str]
    ui_locales: tuple[str, ...]
    sid: str


def request_logout(
    session: Session,
    *,
    services: IdpServices,
    pairs: Iterable[tuple[str, str]],
    session_secret: str | None,
    confirmed: bool,
    now: datetime,
) -> LoggedOut | ConfirmationIsNeeded:
    """End the browser session and what rests on it, or say that the person must confirm.

    Without a valid ``id_token_hint`` of the very session, any site could log people out; so then they are asked. A
    ``logout_hint`` proves nothing and changes nothing: whose session it is, the browser says.

    :param pairs: the parameters as they came.
    :param confirmed: whether the person has pressed the button on our page.
    :raises NotRedirectableError: hint or redirect address cannot be trusted; nothing is ended; on record.
    """
    client: Client | None = None
    try:
        parameters = read_parameters(pairs)
        parameters.require_each_once()
        hint = _read_hint(session, services, parameters)
        client = _find_client(session, parameters, hint)
        location = _return_address(parameters, client)
    except ParametersError as error:
        _refuse(session, services, client, NotRedirectableError(error.code, error.public_detail), now=now)
    except NotRedirectableError as error:
        _refuse(session, services, client, error, now=now)
    browser_session = find_browser_session(session, secret=session_secret, now=now)
    if browser_session is None:
        return LoggedOut(location, client)
    if not confirmed and not _proves(services, client, hint, browser_session):
        kept = ("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")
        values = {name: value for name in kept if (value := parameters.get(name)) is not None}
        return ConfirmationIsNeeded(
            client, location, values, tuple((parameters.get("ui_locales") or "").split()), browser_session.sid
        )
    frames = logout_frames(session, services, sid=browser_session.sid)
    _log_out(session, services, client, browser_session, confirmed=confirmed, now=now)
    return LoggedOut(location, client, frames, browser_session.sid)


def _log_out(
    session: Session,
    services: IdpServices,
    client: Client | None,
    browser_session: BrowserSession,
    *,
    confirmed: bool,
    now: datetime,
) -> None:
    event = Event(
        type=EventType.LOGOUT_REQUESTED,
        subject=browser_session.person_id,
        client_id=client.client_id if client else None,
        session_id=browser_session.sid,
        details={"confirmed": confirmed},
    )
    services.journal.record(session, event, now=now)
    end_browser_session(session, journal=services.journal, sid=browser_session.sid, reason="logout", now=now)
    revoke_session_families(session, journal=services.journal, sid=browser_session.sid, reason="logout", now=now)


def _proves(
    services: IdpServices, client: Client | None, hint: IdTokenHint | None, browser_session: BrowserSession
) -> bool:
    if hint is None or client is None:
        return False
    subject = subject_for(services, client, browser_session.person_id)
    sid = sid_for(services, client.client_id, browser_session.sid)
    return hint.subject == subject and hint.sid == sid


def _read_hint(session: Session, services: IdpServices, parameters: Parameters) -> IdTokenHint | None:
    token = parameters.get("id_token_hint")
    if token is None:
        return None
    try:
        return read_id_token_hint(session, services, token=token)
    except JwtError as error:
        raise NotRedirectableError("invalid_id_token_hint", "The id_token_hint is no ID token of ours.") from error


def _find_client(session: Session, parameters: Parameters, hint: IdTokenHint | None) -> Client | None:
    named = parameters.get("client_id")
    if hint is not None and named not in (None, hint.client_id):
        raise NotRedirectableError("client_mismatch", "client_id and id_token_hint name different clients.")
    client_id = hint.client_id if hint else named
    if client_id is None:
        return None
    try:
        return find_client(session, client_id)
    except NotFound as error:
        raise NotRedirectableError("unknown_client", "No application is registered under this client_id.") from error


def _return_address(parameters: Parameters, client: Client | None) -> str | None:
    wanted = parameters.get("post_logout_redirect_uri")
    if wanted is None:
        return None
    if client is None or not client.active or wanted not in client.post_logout_redirect_uris:
        raise NotRedirectableError(
            "invalid_post_logout_redirect_uri", "The post_logout_redirect_uri is not one that a client registered."
        )
    state = parameters.get("state")
    return with_query(wanted, {"state": state}) if state is not None else wanted


def _refuse(
    session: Session, services: IdpServices, client: Client | None, error: NotRedirectableError, *, now: datetime
) -> NoReturn:
    event = Event(
        type=EventType.LOGOUT_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        client_id=client.client_id if client else None,
    )
    services.journal.refuse(session, event, error, now=now)
