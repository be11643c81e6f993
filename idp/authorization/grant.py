"""What an authorization gives: a code, tokens in the redirect, or both, as the ``response_type`` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.person import find_person
from idp.authentication.browser_session import BrowserSession, touch_browser_session
from idp.authorization.answer import AuthorizationAnswer, answer_with
from idp.authorization.code import write_authorization_code
from idp.authorization.concurrent_sessions import make_room
from idp.authorization.front_channel import issue_front_channel_tokens
from idp.authorization.institution_choice import institution_for
from idp.authorization.pushed_request import use_pushed_request
from idp.clients.client import Client
from idp.clients.environment import misplaced
from idp.leaving.browser_state import browser_state, session_state_for
from idp.protocol.acr import stated_acr
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import RedirectableError
from idp.protocol.response_type import CODE, gives_tokens
from idp.services import IdpServices
from idp.simulation.injecting import inject_into_response
from kernel.identifiers import new_id


def grant_authorization(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    request: AuthorizationRequest,
    browser_session: BrowserSession,
    scopes: Sequence[str],
    silent: bool,
    interaction_id: str | None,
    now: datetime,
) -> AuthorizationAnswer:
    """Write what ``request`` asks for, and its event, in the caller's transaction; return the answer that carries it.

    :param scopes: what is given of what was asked; APIs among it stand in the request's terms.
    :param silent: whether the person saw no page of ours: a live session and a consent of before sufficed.
    :param interaction_id: the interaction that ends in this, if there was one.
    :raises NotRedirectableError: ``invalid_request_uri``, if it was pushed and is answered already.
    :raises RedirectableError: ``access_denied``, if what it would rest on has ended meanwhile, the person does not
        work at the institution that the request names or may not enter an application of this environment, or the
        application takes no more sessions of his.
    """
    reason = misplaced(client.environment, is_test=find_person(session, browser_session.person_id).is_test)
    if reason is not None:
        raise RedirectableError("access_denied", "This person may not enter this application.")
    institution_id = institution_for(
        session, client=client, request=request, scopes=scopes, browser_session=browser_session, now=now
    )
    if institution_id is not None:
        request = replace(request, terms=replace(request.terms, institution=institution_id))
    make_room(session, services, client=client, browser_session=browser_session, now=now)
    use_pushed_request(session, pushed_sha256=request.pushed_sha256, used_by=interaction_id or new_id(), now=now)
    touch_browser_session(session, sid=browser_session.sid, now=now)
    acr = stated_acr(
        browser_session.acr,
        known=services.acr_values,
        levels=services.acr_levels,
        level=browser_session.level,
        minimum=client.minimum_acr,
        claims=request.terms.claims,
        required=request.required_acr,
    )
    event = Event(
        type=EventType.AUTHORIZATION_GRANTED,
        subject=browser_session.person_id,
        client_id=request.client_id,
        session_id=browser_session.sid,
        details={
            "response_type": request.response_type,
            "scopes": [scope for scope in scopes if scope in request.scopes],
            "resources": list(request.terms.resources),
            "acr": acr,
            "silent": silent,
            **({"institution": institution_id} if institution_id else {}),
        },
    )
    txn = services.journal.record_with_receipt(session, event, now=now)
    parameters: dict[str, str] = {}
    code = family_id = None
    if CODE in request.response_type.split(" "):
        code = write_authorization_code(
            session,
            request=request,
            browser_session=browser_session,
            scopes=scopes,
            acr=acr,
            lifetime=client.policy.code_lifetime,
            interaction_id=interaction_id,
            now=now,
        )
        parameters["code"] = code
    if gives_tokens(request.response_type):
        tokens, family_id = issue_front_channel_tokens(
            session,
            services,
            client=client,
            request=request,
            browser_session=browser_session,
            scopes=scopes,
            acr=acr,
            code=code,
            txn=txn,
            now=now,
        )
        parameters |= tokens
    session.flush()
    sid, redirect_uri = browser_session.sid, request.address.redirect_uri
    state = session_state_for(services, client_id=client.client_id, redirect_uri=redirect_uri, sid=sid)
    if state is not None:
        parameters["session_state"] = state
    answer = answer_with(session, services, client=client, address=request.address, parameters=parameters, now=now)
    told = inject_into_response(
        session,
        services,
        client=client,
        carried=parameters,
        family_id=family_id,
        parameters=answer.parameters,
        now=now,
    )
    return replace(answer, parameters=told, browser_state=browser_state(services, sid))
