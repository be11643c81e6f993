"""The person's side of the device flow: a code typed, a login, a decision (RFC 8628 §3.3)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authentication.browser_session import BrowserSession
from idp.authentication.interaction import (
    Interaction,
    begin_interaction,
    finish_interaction,
    load_for_decision,
    load_interaction,
)
from idp.authorization.authorize import find_active_session, is_satisfying
from idp.clients.client import find_client
from idp.decoupled.question import Question, answer, ask
from idp.decoupled.request import Decision, find_by_user_code, find_request
from idp.directory.institutions import find_institution
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed, Conflict, Rejected
from kernel.identifiers import b64url, b64url_decode
from keys.sealing import Sealer

RESUME_PATH = "/device/resume"
_REQUEST, _USER_CODE = "decoupled_request", "user_code"


@dataclass(frozen=True)
class LoginIsNeeded:
    """The browser's session does not suffice; it goes on at ``/login`` with this interaction."""

    interaction_id: str


@dataclass(frozen=True)
class Decided:
    """It is over: what was decided, for which application."""

    decision: Decision
    client_name: str


def begin_verification(
    session: Session,
    *,
    services: IdpServices,
    user_code: str,
    obtain_browser_secret: Callable[[], str],
    now: datetime,
) -> Interaction:
    """Begin to decide on the request that waits under ``user_code``, in this browser.

    The code is not used up: who types it and goes away leaves it to the next; the first decision counts.

    :param user_code: as :func:`idp.protocol.user_code.read_user_code` returns it.
    :raises Rejected: (``user_code_unknown``) if none waits under it.
    """
    request = find_by_user_code(session, services, user_code=user_code, now=now)
    if request is None:
        raise Rejected("No request waits under this code.", code="user_code_unknown")
    client = find_client(session, request.client_id)
    return begin_interaction(
        session,
        journal=services.journal,
        browser_secret=obtain_browser_secret(),
        resume_path=RESUME_PATH,
        parameters={_REQUEST: request.id, _USER_CODE: _sealed(services, user_code, request.id)},
        client_id=client.client_id,
        client_name=client.name,
        client_institution=find_institution(session, client.institution_id).name if client.institution_id else None,
        client_origin=None,
        required_acr=request.required_acr,
        authenticated_after=None,
        login_hint=None,
        locale=None,
        now=now,
    )


@dataclass(frozen=True)
class _Stage:
    interaction: Interaction
    question: Question
    browser_session: BrowserSession


@dataclass(frozen=True)
class Verification:
    """What the page of the decision shows. :ivar user_code: as it was typed, to be compared with the device's."""

    interaction_id: str
    question: Question
    user_code: str


def resume_verification(
    session: Session,
    *,
    services: IdpServices,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    now: datetime,
) -> Verification | LoginIsNeeded | Decided:
    """Return what is due: a login, the decision, or the page that says that it was made.

    :raises ServiceError: as :func:`idp.authentication.interaction.load_interaction` raises.
    :raises AlreadyConsumed: (``request_decided``) if somebody else decided.
    :raises Conflict: (``request_expired``).
    """
    stage = _enter(session, services, interaction_id, browser_secret, session_secret, now=now)
    if not isinstance(stage, _Stage):
        return stage
    sealed = b64url_decode(str(stage.interaction.parameters[_USER_CODE]))
    user_code = _sealer(services).open(sealed, bound_to=stage.question.request.id).decode()
    return Verification(interaction_id, stage.question, user_code)


def decide_on_device(
    session: Session,
    *,
    services: IdpServices,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    person_id: str,
    decision: Decision,
    chosen: Collection[str],
    institution: str | None = None,
    now: datetime,
) -> LoginIsNeeded | Decided:
    """Take the person's decision; consent, decision, end of the interaction and events are one transaction.

    :param person_id: whom the page showed: if another person logged in meanwhile in this browser, nothing is decided.
    :param institution: id of the one that was chosen, empty for none.
    :raises Rejected: (``institution_needed``) if the person works for several and has not chosen; nothing is decided.
    :raises ServiceError: as :func:`resume_verification` does.
    """
    stage = _enter(session, services, interaction_id, browser_secret, session_secret, now=now)
    if not isinstance(stage, _Stage):
        return stage
    if stage.browser_session.person_id != person_id:
        return LoginIsNeeded(interaction_id)
    answer(
        session,
        services=services,
        question=stage.question,
        browser_session=stage.browser_session,
        decision=decision,
        chosen=chosen,
        institution=institution,
        now=now,
    )
    finish_interaction(
        session,
        interaction_id=interaction_id,
        refused_with=None if decision is Decision.ALLOWED else "access_denied",
        now=now,
    )
    allowed = decision is Decision.ALLOWED
    event = Event(
        type=EventType.DEVICE_ALLOWED if allowed else EventType.DEVICE_DENIED,
        outcome=Outcome.SUCCESS if allowed else Outcome.REFUSED,
        reason=None if allowed else "access_denied",
        subject=person_id,
        client_id=stage.question.client.client_id,
        session_id=stage.browser_session.sid,
        object_id=stage.question.request.id,
        details={"scopes": list(stage.question.request.scopes), "acr": stage.browser_session.acr},
    )
    services.journal.record(session, event, now=now)
    return Decided(decision, stage.question.client.name)


def leave_verification(session: Session, *, interaction_id: str, browser_secret: str | None, now: datetime) -> None:
    """The person goes away without logging in. The request goes on waiting: a stranger who typed a code denies nothing.

    :raises ServiceError: as :func:`idp.authentication.interaction.load_interaction` raises.
    """
    load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
    finish_interaction(session, interaction_id=interaction_id, refused_with="access_denied", now=now)


def _sealed(services: IdpServices, user_code: str, request_id: str) -> str:
    # Until somebody decides it opens the way to the decision: not in clear in the database.
    return b64url(_sealer(services).seal(user_code.encode(), bound_to=request_id))


def _sealer(services: IdpServices) -> Sealer:
    return Sealer(services.sealing_secret, "user-code-shown")


def _enter(
    session: Session,
    services: IdpServices,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    *,
    now: datetime,
) -> _Stage | LoginIsNeeded | Decided:
    interaction = load_for_decision(
        session, interaction_id=interaction_id, browser_secret=browser_secret, resume_path=RESUME_PATH, now=now
    )
    request = find_request(session, str(interaction.parameters[_REQUEST]))
    if interaction.finished_at is not None:
        allowed = interaction.refused_with is None
        return Decided(Decision.ALLOWED if allowed else Decision.DENIED, interaction.client_name or "")
    if request is None or (request.decision is None and request.expires_at <= now):
        raise Conflict("The device asked too long ago.", code="request_expired")
    if request.decision is not None:
        raise AlreadyConsumed("This request is decided.", code="request_decided")
    browser_session = find_active_session(session, session_secret, now=now)
    if browser_session is None or not is_satisfying(
        browser_session, required_acr=interaction.required_acr, authenticated_after=interaction.authenticated_after
    ):
        return LoginIsNeeded(interaction_id)
    question = ask(
        session,
        request=request,
        person_id=browser_session.person_id,
        preferred=browser_session.institution_id,
        now=now,
    )
    return _Stage(interaction, question, browser_session)
