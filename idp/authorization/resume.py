"""The way back from login: consent, and then the code, once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.person import Person, find_person
from idp.authentication.interaction import ANOTHER_PERSON, finish_interaction, keep_in_interaction
from idp.authorization.account_choice import CHOSEN, AccountChoiceIsNeeded
from idp.authorization.answer import AuthorizationAnswer, PersonIsNeeded
from idp.authorization.authorize import (
    LOGIN_PATH,
    RESUME_PATH,
    find_active_session,
    lacks_level_only,
    refuse_here,
    refuse_there,
)
from idp.authorization.grant import grant_authorization
from idp.authorization.institution_choice import InstitutionChoiceIsNeeded, institution_for, open_choice
from idp.authorization.pushed_request import use_pushed_request
from idp.authorization.stage import (
    UNMET,
    LoadedInteraction,
    PersonIsMisplaced,
    Stage,
    enter_stage,
    load_asked_interaction,
    told_refusal,
)
from idp.clients.api import Permission, find_details_types, find_permissions
from idp.clients.client import Client
from idp.consent.consent import covered_scopes, find_consent, grant_consent, record_refused_consent
from idp.directory.institutions import Institution, find_institution
from idp.protocol.authorization_details import DetailsType
from idp.protocol.errors import NotRedirectableError, RedirectableError
from idp.rights.claims import rights_claims
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed

ACCESS_DENIED = "access_denied"


@dataclass(frozen=True)
class ConsentIsNeeded:
    """What the consent page shows.

    :ivar necessary: scopes without which the service cannot be given.
    :ivar optional: scopes that the person may leave out; they start unticked.
    :ivar permissions: words for those that are about APIs.
    :ivar rights: claims of the person's rights in the application, as they are now.
    :ivar verified: whether it is also told how the person's identity was verified.
    :ivar details: what exactly is asked for, this once, and the types that put it in words.
    """

    interaction_id: str
    client: Client
    institution: Institution | None
    person: Person
    redirect_uri: str
    necessary: tuple[str, ...]
    optional: tuple[str, ...]
    ui_locales: tuple[str, ...]
    permissions: Mapping[str, Permission]
    details: Sequence[Mapping[str, Any]]
    details_types: Mapping[str, DetailsType]
    verified: bool
    rights: Mapping[str, Any]


def resume_authorization(
    session: Session,
    *,
    services: IdpServices,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    now: datetime,
) -> (
    AuthorizationAnswer
    | PersonIsNeeded
    | AccountChoiceIsNeeded
    | PersonIsMisplaced
    | InstitutionChoiceIsNeeded
    | ConsentIsNeeded
):
    """Go on with a request after login: back to login, to a choice (account, institution), to consent, or away.

    :raises ServiceError: as :func:`idp.authentication.interaction.load_interaction` raises.
    """
    stage = enter_stage(
        session,
        services,
        interaction_id=interaction_id,
        browser_secret=browser_secret,
        session_secret=session_secret,
        now=now,
    )
    if not isinstance(stage, Stage):
        return stage
    if stage.repeated:
        # A request that must be decided on each time is decided by pressing the button, not by looking at the page.
        return _answer_again(session, services, stage, wanted=not stage.request.is_asked_each_time, now=now)
    choices = _open_choice(session, stage, now=now)
    if choices:
        return InstitutionChoiceIsNeeded(
            interaction_id=interaction_id,
            client=stage.client,
            institution=_owner(session, stage.client),
            person=find_person(session, stage.browser_session.person_id),
            redirect_uri=stage.request.redirect_uri,
            ui_locales=stage.request.ui_locales,
            choices=choices,
        )
    if not stage.request.is_asked_each_time:
        scopes = _covered(session, stage)
        if scopes is not None:
            return _finish(session, services, stage, scopes, now=now)
    return ConsentIsNeeded(
        interaction_id=interaction_id,
        client=stage.client,
        institution=_owner(session, stage.client),
        person=find_person(session, stage.browser_session.person_id),
        rights=_rights(session, stage, now=now),
        redirect_uri=stage.request.redirect_uri,
        necessary=tuple(item for item in stage.request.asked if item not in stage.client.optional_scopes),
        optional=tuple(item for item in stage.request.asked if item in stage.client.optional_scopes),
        ui_locales=stage.request.ui_locales,
        permissions=find_permissions(session, stage.request.terms.resources),
        details=stage.request.terms.authorization_details,
        details_types=find_details_types(session, stage.request.terms.resources),
        verified=stage.request.asks_for_verified_claims,
    )


def decide_consent(
    session: Session,
    *,
    services: IdpServices,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    person_id: str,
    allowed: bool,
    chosen: Collection[str],
    now: datetime,
) -> AuthorizationAnswer | PersonIsNeeded:
    """Take the person's decision; consent, code, end of the interaction and events are one transaction.

    :param person_id: whom the page showed: if another person logged in meanwhile in this browser, nothing is given.
    :param chosen: the optional scopes that were ticked.
    :raises ServiceError: as :func:`idp.authentication.interaction.load_interaction` raises.
    """
    stage = enter_stage(
        session,
        services,
        interaction_id=interaction_id,
        browser_secret=browser_secret,
        session_secret=session_secret,
        now=now,
    )
    if isinstance(stage, AccountChoiceIsNeeded | PersonIsMisplaced):
        return PersonIsNeeded(f"{RESUME_PATH}/{interaction_id}")
    if not isinstance(stage, Stage):
        return stage
    if stage.browser_session.person_id != person_id:
        return PersonIsNeeded(f"{RESUME_PATH}/{interaction_id}")
    if stage.repeated:
        return _answer_again(session, services, stage, wanted=allowed, now=now)
    if allowed and _open_choice(session, stage, now=now):
        return PersonIsNeeded(f"{RESUME_PATH}/{interaction_id}")
    if not allowed:
        finish_interaction(session, interaction_id=interaction_id, refused_with=ACCESS_DENIED, now=now)
        _use_up(session, services, stage, now=now)
        record_refused_consent(
            session,
            journal=services.journal,
            person_id=person_id,
            client=stage.client,
            requested=stage.request.asked,
            session_id=stage.browser_session.sid,
            now=now,
        )
        return refuse_there(
            session,
            services,
            stage.client,
            stage.request.address,
            RedirectableError(ACCESS_DENIED, "The person did not allow it."),
            subject=person_id,
            session_id=stage.browser_session.sid,
            now=now,
        )
    scopes = grant_consent(
        session,
        journal=services.journal,
        person_id=person_id,
        client=stage.client,
        requested=stage.request.asked,
        chosen=chosen,
        session_id=stage.browser_session.sid,
        now=now,
    )
    return _finish(session, services, stage, scopes, now=now)


def choose_account(
    session: Session,
    *,
    services: IdpServices,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    person_id: str | None,
    now: datetime,
) -> PersonIsNeeded:
    """Take the person's choice: to go on as ``person_id``, or as somebody else (None), who then logs in.

    :raises ServiceError: as :func:`idp.authentication.interaction.load_interaction` raises.
    """
    interaction = load_asked_interaction(
        session, services, interaction_id=interaction_id, browser_secret=browser_secret, now=now
    ).interaction
    current = find_active_session(session, session_secret, now=now)
    # Whom the page showed: if another person logged in meanwhile, the page comes again.
    if person_id is not None and (current is None or current.person_id != person_id):
        return PersonIsNeeded(f"{RESUME_PATH}/{interaction_id}")
    event = Event(
        type=EventType.INTERACTION_ACCOUNT_CHOSEN,
        subject=current.person_id if current else None,
        client_id=interaction.client_id,
        session_id=current.sid if current else None,
        object_id=interaction_id,
        details={"another": person_id is None},
    )
    services.journal.record(session, event, now=now)
    if person_id is None:
        keep_in_interaction(
            session, interaction=interaction, parameters={ANOTHER_PERSON: True}, authenticated_after=now
        )
        return PersonIsNeeded(f"{LOGIN_PATH}/{interaction_id}")
    keep_in_interaction(session, interaction=interaction, parameters={CHOSEN: person_id})
    return PersonIsNeeded(f"{RESUME_PATH}/{interaction_id}")


def cancel_authorization(
    session: Session,
    *,
    services: IdpServices,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None = None,
    now: datetime,
) -> AuthorizationAnswer:
    """The person goes back without logging in: the application hears ``access_denied`` (RFC 6749 §4.1.2.1).

    Whoever is logged in as was asked, and does not want to raise his level now: ``unmet_authentication_requirements``.

    :raises ServiceError: as :func:`idp.authentication.interaction.load_interaction` raises.
    """
    loaded = load_asked_interaction(
        session, services, interaction_id=interaction_id, browser_secret=browser_secret, now=now
    )
    if loaded.repeated and loaded.interaction.refused_with is None:
        raise AlreadyConsumed("This sign-in is finished.", code="interaction_finished")
    if not loaded.repeated:
        refused_with = _refusal(session, loaded, session_secret, now=now)
        finish_interaction(session, interaction_id=interaction_id, refused_with=refused_with, now=now)
        _use_up(session, services, loaded, now=now)
    else:
        refused_with = loaded.interaction.refused_with or ACCESS_DENIED
    reason = "The person did not log in." if refused_with == ACCESS_DENIED else "The identity is not verified as asked."
    error = RedirectableError(told_refusal(refused_with), reason)
    return refuse_there(session, services, loaded.client, loaded.request.address, error, now=now)


def _refusal(session: Session, loaded: LoadedInteraction, session_secret: str | None, *, now: datetime) -> str:
    lacking = lacks_level_only(
        find_active_session(session, session_secret, now=now),
        required_acr=loaded.interaction.required_acr,
        authenticated_after=loaded.interaction.authenticated_after,
    )
    return UNMET if lacking else ACCESS_DENIED


def _answer_again(
    session: Session, services: IdpServices, stage: Stage, *, wanted: bool, now: datetime
) -> AuthorizationAnswer:
    """Answer a form that was sent twice, whose first answer the browser has thrown away.

    The interaction stays finished; what is given is what the same request would get at ``/authorize`` now.

    :param wanted: whether the person asks for it this time.
    :raises AlreadyConsumed: (``interaction_finished``) if it is not wanted, or no consent stands.
    """
    scopes = _covered(session, stage) if wanted else None
    if scopes is None:
        raise AlreadyConsumed("This sign-in is finished.", code="interaction_finished")
    return _give(session, services, stage, scopes, now=now)


def _use_up(session: Session, services: IdpServices, loaded: LoadedInteraction, *, now: datetime) -> None:
    try:
        use_pushed_request(session, pushed_sha256=loaded.request.pushed_sha256, used_by=loaded.interaction.id, now=now)
    except NotRedirectableError as error:
        refuse_here(session, services, loaded.client, error, now=now)


def _open_choice(session: Session, stage: Stage, *, now: datetime) -> tuple[Institution, ...]:
    return open_choice(
        session,
        client=stage.client,
        request=stage.request,
        interaction=stage.interaction,
        browser_session=stage.browser_session,
        now=now,
    )


def _rights(session: Session, stage: Stage, *, now: datetime) -> Mapping[str, Any]:
    """Return the rights that would be told, as they are now."""
    try:
        chosen = institution_for(
            session,
            client=stage.client,
            request=stage.request,
            scopes=stage.request.asked,
            browser_session=stage.browser_session,
            now=now,
        )
    except RedirectableError:
        return {}  # refused when it is allowed
    return rights_claims(
        session,
        person_id=stage.browser_session.person_id,
        client_id=stage.client.client_id,
        chosen=chosen,
        names=stage.request.asked,
        now=now,
    )


def _owner(session: Session, client: Client) -> Institution | None:
    return find_institution(session, client.institution_id) if client.institution_id else None


def _covered(session: Session, stage: Stage) -> tuple[str, ...] | None:
    consent = find_consent(session, person_id=stage.browser_session.person_id, client_id=stage.client.client_id)
    return covered_scopes(consent, client=stage.client, requested=stage.request.asked)


def _finish(
    session: Session, services: IdpServices, stage: Stage, scopes: Collection[str], *, now: datetime
) -> AuthorizationAnswer:
    finish_interaction(session, interaction_id=stage.interaction.id, now=now)
    return _give(session, services, stage, scopes, now=now)


def _give(
    session: Session, services: IdpServices, stage: Stage, scopes: Collection[str], *, now: datetime
) -> AuthorizationAnswer:
    try:
        return grant_authorization(
            session,
            services,
            client=stage.client,
            request=stage.request,
            browser_session=stage.browser_session,
            scopes=tuple(scopes),
            silent=stage.repeated,
            interaction_id=stage.interaction.id,
            now=now,
        )
    except NotRedirectableError as error:
        refuse_here(session, services, stage.client, error, now=now)
    except RedirectableError as error:
        return refuse_there(
            session,
            services,
            stage.client,
            stage.request.address,
            error,
            subject=stage.browser_session.person_id,
            session_id=stage.browser_session.sid,
            now=now,
        )
