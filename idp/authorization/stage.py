"""An authorization request under way, as a browser comes back to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import Person, find_person
from idp.authentication.browser_session import BrowserSession
from idp.authentication.interaction import Interaction, finish_interaction, load_for_decision
from idp.authorization.account_choice import AccountChoiceIsNeeded, account_choice, choice_is_due
from idp.authorization.answer import AuthorizationAnswer, PersonIsNeeded
from idp.authorization.authorize import (
    HINTED_SUBJECT,
    LOGIN_PATH,
    POLICY,
    REQUEST,
    RESUME_PATH,
    find_active_session,
    is_satisfying,
    refuse_here,
    refuse_there,
)
from idp.clients.client import Client, find_client
from idp.clients.environment import misplaced
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import NotRedirectableError, RedirectableError
from idp.protocol.redirect_uri import require_registered_redirect_uri
from idp.services import IdpServices
from idp.tokens.subject import subject_for

#: How it is written that the person did not want to raise his level: the error's own name is longer than its column.
UNMET = "unmet"


def told_refusal(refused_with: str) -> str:
    """Return the error code of an interaction that gave nothing, as applications know it."""
    return "unmet_authentication_requirements" if refused_with == UNMET else refused_with


@dataclass(frozen=True)
class LoadedInteraction:
    """An authorization request under way. :ivar repeated: it was finished a moment ago: a form comes twice."""

    interaction: Interaction
    client: Client
    request: AuthorizationRequest
    repeated: bool


@dataclass(frozen=True)
class PersonIsMisplaced:
    """What the page shows that says: not with this person.

    :ivar reason: why, as :func:`idp.clients.environment.misplaced` says it.
    """

    interaction_id: str
    reason: str
    client: Client
    person: Person
    redirect_uri: str
    ui_locales: tuple[str, ...]


@dataclass(frozen=True)
class Stage(LoadedInteraction):
    """One whose person is logged in as the request wants."""

    browser_session: BrowserSession


def enter_stage(
    session: Session,
    services: IdpServices,
    *,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    now: datetime,
) -> Stage | AuthorizationAnswer | PersonIsNeeded | AccountChoiceIsNeeded | PersonIsMisplaced:
    """Return the stage at which the person decides, or what comes before it or instead of it.

    :raises ServiceError: as :func:`load_asked_interaction`.
    """
    loaded = load_asked_interaction(
        session, services, interaction_id=interaction_id, browser_secret=browser_secret, now=now
    )
    interaction, client, request = loaded.interaction, loaded.client, loaded.request
    if interaction.refused_with is not None:
        # The first decision stands, and the browser that pressed twice is still led back to the application.
        error = RedirectableError(told_refusal(interaction.refused_with), "The person did not allow it.")
        return refuse_there(session, services, client, request.address, error, now=now)
    browser_session = find_active_session(session, session_secret, now=now)
    if browser_session is not None and choice_is_due(request, interaction, browser_session):
        return account_choice(
            session, client=client, request=request, interaction=interaction, browser_session=browser_session
        )
    if browser_session is not None and _is_fresh(browser_session, interaction):
        misplaced_person = _misplaced(session, services, loaded, browser_session, now=now)
        if misplaced_person is not None:
            return misplaced_person
    if browser_session is None or not is_satisfying(
        browser_session,
        required_acr=interaction.required_acr,
        authenticated_after=interaction.authenticated_after,
    ):
        return PersonIsNeeded(f"{LOGIN_PATH}/{interaction_id}")
    subject = subject_for(services, client, browser_session.person_id)
    if interaction.parameters.get(HINTED_SUBJECT) not in (None, subject):
        # OpenID Connect Core §3.1.2.2: someone else than the one hinted at has logged in.
        if not loaded.repeated:
            finish_interaction(session, interaction_id=interaction_id, refused_with="login_required", now=now)
        return refuse_there(
            session,
            services,
            client,
            request.address,
            RedirectableError("login_required", "Another person than the one asked for is logged in."),
            subject=browser_session.person_id,
            session_id=browser_session.sid,
            now=now,
        )
    return Stage(interaction, client, request, loaded.repeated, browser_session)


def _is_fresh(browser_session: BrowserSession, interaction: Interaction) -> bool:
    """Tell whether nobody else is going to log in for this request."""
    after = interaction.authenticated_after
    return after is None or browser_session.authenticated_at >= after


def _misplaced(
    session: Session,
    services: IdpServices,
    loaded: LoadedInteraction,
    browser_session: BrowserSession,
    *,
    now: datetime,
) -> PersonIsMisplaced | None:
    """Return the refusal, on record, of a test citizen outside a sandbox or of anybody else in one."""
    client, person = loaded.client, find_person(session, browser_session.person_id)
    reason = misplaced(client.environment, is_test=person.is_test)
    if reason is None:
        return None
    event = Event(
        type=EventType.AUTHORIZATION_REFUSED,
        outcome=Outcome.REFUSED,
        reason=reason,
        subject=person.id,
        client_id=client.client_id,
        session_id=browser_session.sid,
        details={"redirected": False},
    )
    services.journal.record(session, event, now=now)
    request = loaded.request
    return PersonIsMisplaced(loaded.interaction.id, reason, client, person, request.redirect_uri, request.ui_locales)


def load_asked_interaction(
    session: Session, services: IdpServices, *, interaction_id: str, browser_secret: str | None, now: datetime
) -> LoadedInteraction:
    """Return the request under way, also shortly after it was finished.

    :raises ServiceError: as :func:`idp.authentication.interaction.load_interaction` raises.
    :raises NotRedirectableError: (``client_disabled``) if the client may no longer ask for it; on record.
    """
    interaction = load_for_decision(
        session, interaction_id=interaction_id, browser_secret=browser_secret, resume_path=RESUME_PATH, now=now
    )
    request = AuthorizationRequest.from_document(interaction.parameters[REQUEST])
    client = find_client(session, request.client_id)
    # Time has passed: what was registered then must still be, and the rules by which the request was judged.
    same_policy = interaction.parameters.get(POLICY, client.policy.name) == client.policy.name
    if not same_policy or not _may_still_ask(client, request):
        refusal = NotRedirectableError("client_disabled", "This application is closed, or may no longer ask this.")
        refuse_here(session, services, client, refusal, now=now)
    return LoadedInteraction(interaction, client, request, repeated=interaction.finished_at is not None)


def _may_still_ask(client: Client, request: AuthorizationRequest) -> bool:
    if not client.active or not set(request.scopes) <= set(client.scopes):
        return False
    if not set(request.terms.resources) <= set(client.metadata.resources):
        return False
    if not {item["type"] for item in request.terms.authorization_details} <= set(
        client.metadata.authorization_details_types
    ):
        return False
    try:
        require_registered_redirect_uri(
            request.redirect_uri, registered=client.redirect_uris, native=client.application_type == "native"
        )
    except NotRedirectableError:
        return False
    return True
