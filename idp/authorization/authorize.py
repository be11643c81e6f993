"""The authorization endpoint: from a raw request to a code, an error, or a page for the person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import NoReturn

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import find_person
from idp.authentication.assurance import HIGHEST_LEVEL, satisfies
from idp.authentication.browser_session import BrowserSession, find_browser_session
from idp.authentication.interaction import begin_interaction
from idp.authorization.answer import AuthorizationAnswer, PersonIsNeeded, answer_with_error
from idp.authorization.grant import grant_authorization
from idp.authorization.institution_choice import open_choice
from idp.authorization.request_check import check_request
from idp.authorization.request_object import FetchedObject
from idp.authorization.resolve import resolve_request
from idp.clients.client import Client, find_client
from idp.clients.environment import misplaced
from idp.clients.registration.uris import origin_of
from idp.consent.consent import covered_scopes, find_consent
from idp.directory.institutions import find_institution
from idp.protocol.authorization_request import AuthorizationRequest, ReturnAddress
from idp.protocol.errors import NotRedirectableError, RedirectableError
from idp.protocol.max_age import authenticated_after
from idp.protocol.parameters import Parameters, ParametersError, read_parameters
from idp.protocol.prompt import CREATE, NONE, SELECT_ACCOUNT
from idp.services import IdpServices
from idp.tokens.subject import subject_for
from kernel.errors import NotFound

RESUME_PATH = "/authorize/resume"
LOGIN_PATH = "/login"
SIGN_UP_PATH = "/signup"

# The hint's subject, and the policy under which the request was judged, travel beside it in the interaction.
REQUEST, HINTED_SUBJECT, POLICY = "request", "hinted_subject", "policy"


def authorize(
    session: Session,
    *,
    services: IdpServices,
    pairs: Iterable[tuple[str, str]],
    fetched: FetchedObject | None = None,
    session_secret: str | None,
    obtain_browser_secret: Callable[[], str],
    now: datetime,
) -> AuthorizationAnswer | PersonIsNeeded:
    """Answer an authorization request, or begin the interaction that it needs.

    :param pairs: the parameters as they came, repetitions included.
    :param fetched: what stands at their ``request_uri``, by
        :func:`idp.authorization.request_object.fetch_request_object`.
    :param session_secret: of the browser's session cookie, if any.
    :param obtain_browser_secret: returns the browser's binding secret, making one; called only when it is needed.
    :raises NotRedirectableError: until client and redirect URI are verified; on record.
    """
    address: ReturnAddress | None = None
    client: Client | None = None
    try:
        outer = read_parameters(pairs)
        client = _find_active_client(session, outer.get("client_id"), "client_id" in outer.repeated)
        try:
            parameters, origin = resolve_request(
                session, services, client=client, outer=outer, fetched=fetched, now=now
            )
        except RedirectableError as error:
            address = _address_beside(outer, client, error)
            raise
        address = ReturnAddress.parse(parameters, client=client)
        request, hinted_subject = check_request(
            session, services, parameters, client=client, address=address, origin=origin
        )
        return _decide(
            session,
            services,
            client,
            request,
            hinted_subject,
            session_secret=session_secret,
            obtain_browser_secret=obtain_browser_secret,
            now=now,
        )
    except ParametersError as error:
        refusal = NotRedirectableError(error.code, error.public_detail)
        refuse_here(session, services, client, refusal, now=now)
    except NotRedirectableError as error:
        refuse_here(session, services, client, error, now=now)
    except RedirectableError as error:
        assert client is not None and address is not None
        return refuse_there(session, services, client, address, error, now=now)


def refuse_here(
    session: Session, services: IdpServices, client: Client | None, error: NotRedirectableError, *, now: datetime
) -> NoReturn:
    """Record the refusal and raise it: a page of ours, for nobody can be trusted with the answer."""
    event = Event(
        type=EventType.AUTHORIZATION_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        client_id=client.client_id if client else None,
        details={"redirected": False},
    )
    services.journal.refuse(session, event, error, now=now)


def refuse_there(
    session: Session,
    services: IdpServices,
    client: Client,
    address: ReturnAddress,
    error: RedirectableError,
    *,
    subject: str | None = None,
    session_id: str | None = None,
    now: datetime,
) -> AuthorizationAnswer:
    """Record the refusal and return the answer that carries the error to the application."""
    event = Event(
        type=EventType.AUTHORIZATION_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        subject=subject,
        client_id=client.client_id,
        session_id=session_id,
    )
    services.journal.record(session, event, now=now)
    return answer_with_error(session, services, client=client, address=address, error=error, now=now)


def is_satisfying(
    browser_session: BrowserSession | None,
    *,
    required_acr: str | None,
    authenticated_after: datetime | None,
) -> bool:
    """Tell whether the session is there, strong enough and fresh enough."""
    return (
        browser_session is not None
        and satisfies(browser_session.acr, required_acr, level=browser_session.level)
        and (authenticated_after is None or browser_session.authenticated_at >= authenticated_after)
    )


def lacks_level_only(
    browser_session: BrowserSession | None, *, required_acr: str | None, authenticated_after: datetime | None
) -> bool:
    """Tell whether the login is all that was asked, and only too little is known of who the person is."""
    if browser_session is None:
        return False
    lifted = replace(browser_session, level=HIGHEST_LEVEL)
    return is_satisfying(lifted, required_acr=required_acr, authenticated_after=authenticated_after) and not satisfies(
        browser_session.acr, required_acr, level=browser_session.level
    )


def find_active_session(session: Session, secret: str | None, *, now: datetime) -> BrowserSession | None:
    """Return the live session of an active person, or nothing."""
    found = find_browser_session(session, secret=secret, now=now)
    return found if found is not None and find_person(session, found.person_id).is_active else None


def _decide(
    session: Session,
    services: IdpServices,
    client: Client,
    request: AuthorizationRequest,
    hinted_subject: str | None,
    *,
    session_secret: str | None,
    obtain_browser_secret: Callable[[], str],
    now: datetime,
) -> AuthorizationAnswer | PersonIsNeeded:
    browser_session = find_active_session(session, session_secret, now=now)
    if request.prompts & {CREATE, SELECT_ACCOUNT}:
        return _ask_who(
            session, services, client, request, hinted_subject, browser_session, obtain_browser_secret, now=now
        )
    fresh_from = authenticated_after(prompts=request.prompts, max_age=request.max_age, now=now)
    logged_in = is_satisfying(browser_session, required_acr=request.required_acr, authenticated_after=fresh_from)
    if browser_session is not None and hinted_subject not in (
        None,
        subject_for(services, client, browser_session.person_id),
    ):
        # OpenID Connect Core §3.1.2.1: the application expects someone else.
        logged_in = False
        fresh_from = now
    reason = _misplaced(session, client, browser_session)
    if reason is not None and NONE in request.prompts:
        raise RedirectableError("login_required", "Who is logged in may not enter this application.")
    if reason is not None:
        begun = _begin(session, services, client, request, hinted_subject, fresh_from, obtain_browser_secret, now=now)
        return PersonIsNeeded(f"{RESUME_PATH}/{begun}")
    if browser_session is None or not logged_in:
        if NONE in request.prompts and lacks_level_only(
            browser_session, required_acr=request.required_acr, authenticated_after=fresh_from
        ):
            # OpenID Connect Core Unmet Authentication Requirements 1.0 §2: no login of this person would be enough.
            raise RedirectableError("unmet_authentication_requirements", "The identity is not verified as asked.")
        if NONE in request.prompts:
            raise RedirectableError("login_required", "Nobody is logged in as strongly and recently as asked.")
        begun = _begin(session, services, client, request, hinted_subject, fresh_from, obtain_browser_secret, now=now)
        return PersonIsNeeded(f"{LOGIN_PATH}/{begun}")
    if open_choice(session, client=client, request=request, interaction=None, browser_session=browser_session, now=now):
        if NONE in request.prompts:
            # OpenID Connect Core §3.1.2.6
            raise RedirectableError("account_selection_required", "The person works for several institutions.")
        begun = _begin(session, services, client, request, hinted_subject, fresh_from, obtain_browser_secret, now=now)
        return PersonIsNeeded(f"{RESUME_PATH}/{begun}")
    scopes = None
    if not request.is_asked_each_time:
        consent = find_consent(session, person_id=browser_session.person_id, client_id=client.client_id)
        scopes = covered_scopes(consent, client=client, requested=request.asked)
    if scopes is None:
        if NONE in request.prompts:
            raise RedirectableError("consent_required", "The person has not allowed this yet.")
        begun = _begin(session, services, client, request, hinted_subject, fresh_from, obtain_browser_secret, now=now)
        return PersonIsNeeded(f"{RESUME_PATH}/{begun}")
    return grant_authorization(
        session,
        services,
        client=client,
        request=request,
        browser_session=browser_session,
        scopes=scopes,
        silent=True,
        interaction_id=None,
        now=now,
    )


def _misplaced(session: Session, client: Client, browser_session: BrowserSession | None) -> str | None:
    if browser_session is None:
        return None
    return misplaced(client.environment, is_test=find_person(session, browser_session.person_id).is_test)


def _ask_who(
    session: Session,
    services: IdpServices,
    client: Client,
    request: AuthorizationRequest,
    hinted_subject: str | None,
    browser_session: BrowserSession | None,
    obtain_browser_secret: Callable[[], str],
    *,
    now: datetime,
) -> PersonIsNeeded:
    fresh_from = authenticated_after(prompts=request.prompts, max_age=request.max_age, now=now)
    begun = _begin(session, services, client, request, hinted_subject, fresh_from, obtain_browser_secret, now=now)
    if CREATE in request.prompts:
        return PersonIsNeeded(f"{SIGN_UP_PATH}?interaction={begun}")
    # Where nobody is logged in, the login page asks who it is.
    return PersonIsNeeded(f"{LOGIN_PATH if browser_session is None else RESUME_PATH}/{begun}")


def _begin(
    session: Session,
    services: IdpServices,
    client: Client,
    request: AuthorizationRequest,
    hinted_subject: str | None,
    fresh_from: datetime | None,
    obtain_browser_secret: Callable[[], str],
    *,
    now: datetime,
) -> str:
    institution = find_institution(session, client.institution_id).name if client.institution_id else None
    interaction = begin_interaction(
        session,
        journal=services.journal,
        browser_secret=obtain_browser_secret(),
        resume_path=RESUME_PATH,
        parameters={
            REQUEST: request.to_document(),
            HINTED_SUBJECT: hinted_subject,
            POLICY: client.policy.name,
        },
        client_id=client.client_id,
        client_name=client.name,
        client_institution=institution,
        client_origin=origin_of(request.redirect_uri) or None,
        required_acr=request.required_acr,
        authenticated_after=fresh_from,
        login_hint=request.login_hint,
        locale=request.ui_locales[0][:8] if request.ui_locales else None,
        now=now,
    )
    return interaction.id


def _find_active_client(session: Session, client_id: str | None, repeated: bool) -> Client:
    if client_id is None or repeated:
        raise NotRedirectableError("invalid_client_id", "The request names no client, or more than one.")
    try:
        client = find_client(session, client_id)
    except NotFound as error:
        raise NotRedirectableError("unknown_client", "No application is registered under this client_id.") from error
    if not client.active:
        raise NotRedirectableError("client_disabled", "This application is closed.")
    return client


def _address_beside(outer: Parameters, client: Client, error: RedirectableError) -> ReturnAddress:
    """Return where the error goes if the request object cannot be read: as the plain parameters say, if they may."""
    try:
        return ReturnAddress.parse(outer, client=client)
    except NotRedirectableError:
        raise NotRedirectableError(error.code, error.public_detail) from error
