"""The authorization endpoint and the consent page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext
from limits import parse
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from idp.accounts.document import mask_document
from idp.authorization.account_choice import AccountChoiceIsNeeded
from idp.authorization.answer import AuthorizationAnswer, PersonIsNeeded
from idp.authorization.authorize import authorize as authorize_request
from idp.authorization.choose_institution import choose_institution as take_institution
from idp.authorization.institution_choice import InstitutionChoiceIsNeeded
from idp.authorization.request_object import fetch_request_object
from idp.authorization.resume import (
    ConsentIsNeeded,
    cancel_authorization,
    choose_account,
    decide_consent,
    resume_authorization,
)
from idp.authorization.stage import PersonIsMisplaced
from idp.clients.registration.uris import origin_of
from idp.protocol.response_mode import FORM_POST, FRAGMENT, with_fragment, with_query
from idp.protocol.scope import OPENID
from idp.tokens.claims import person_claims
from idp.tokens.subject import subject_for
from idp.web.access import services
from idp.web.consent_words import ConsentLine, client_pages, consent_lines
from idp.web.cookies import browser_secret, obtain_browser_secret, session_secret, show_browser_state, state_cookie
from idp.web.cross_site import ask_again_with_get, comes_without_our_cookies
from idp.web.details_words import details_blocks
from idp.web.institution_page import institution_page
from idp.web.misplaced_page import misplaced_page
from idp.web.reading_ahead import wants_of_visit
from kernel.errors import ServiceError
from kernel.origin import current_origin
from web.client_address import network_of
from web.error_pages import offer_way_on
from web.headers import allow_form_redirect_to
from web.locale import prefer_languages
from web.pages import render
from web.rate_limit import check_limit
from web.ready_answer import ReadyAnswer, see_other

blueprint = Blueprint("idp_authorize", __name__, template_folder="templates")
# Applications may POST their request (OpenID Connect Core §3.1.2.1): from another site, hence without our form token.
entrance = Blueprint("idp_authorize_entrance", __name__)
#: Where the short way leaves, in the environment, what it decided and did not know how to show.
DECIDED = "sau.authorization_decided"
_Outcome = TypeVar("_Outcome")
COUNTED = "sau.authorization_counted"
_FLOW = parse("1200 per minute")


@entrance.route("/authorize", methods=["GET", "POST"])
def authorize() -> Response | WerkzeugResponse:
    """Take an authorization request."""
    decided = request.environ.get(DECIDED)
    if isinstance(decided, ServiceError):
        raise decided
    if decided is not None:
        return leave(decided)
    if COUNTED not in request.environ:
        require_moderate_flow()
    pairs = list(request.args.items(multi=True))
    if request.method == "POST":
        pairs += request.form.items(multi=True)
        if comes_without_our_cookies():
            return ask_again_with_get(pairs)
    return leave(answer_request(pairs, session_secret=session_secret(), obtain_browser_secret=obtain_browser_secret))


def require_moderate_flow() -> None:
    """Each request leaves an event: far above what a whole ministry behind one address asks for, far below a flood."""
    check_limit(_FLOW, "idp.authorize", network_of(current_origin().address))


def answer_request(
    pairs: Sequence[tuple[str, str]], *, session_secret: str | None, obtain_browser_secret: Callable[[], str]
) -> AuthorizationAnswer | PersonIsNeeded:
    """Have the request answered, together with others that come at the same moment."""
    provider = services()
    fetched = fetch_request_object(provider, pairs)
    now = provider.clock.now()

    def answer(session: Session) -> AuthorizationAnswer | PersonIsNeeded:
        return authorize_request(
            session,
            services=provider,
            pairs=pairs,
            fetched=fetched,
            session_secret=session_secret,
            obtain_browser_secret=obtain_browser_secret,
            now=now,
        )

    wants = wants_of_visit(provider, pairs, session_secret)
    return provider.remote_keys.retrying(lambda: provider.database.together(answer, wants))


@blueprint.get("/authorize/resume/<interaction_id>")
def resume(interaction_id: str) -> Response | WerkzeugResponse:
    """Go on after login: consent, or back to the application; back at once when the person does not want to log in."""
    provider = services()
    _offer_account()
    if request.args.get("cancelled"):
        answer = _transacted(
            lambda session: cancel_authorization(
                session,
                services=provider,
                interaction_id=interaction_id,
                browser_secret=browser_secret(),
                session_secret=session_secret(),
                now=provider.clock.now(),
            )
        )
        return leave(answer)
    outcome = _transacted(
        lambda session: resume_authorization(
            session,
            services=provider,
            interaction_id=interaction_id,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            now=provider.clock.now(),
        )
    )
    if isinstance(outcome, AccountChoiceIsNeeded):
        return _account_page(outcome)
    if isinstance(outcome, InstitutionChoiceIsNeeded):
        return institution_page(outcome)
    if isinstance(outcome, PersonIsMisplaced):
        return misplaced_page(outcome)
    return _consent_page(outcome) if isinstance(outcome, ConsentIsNeeded) else leave(outcome)


@blueprint.post("/authorize/resume/<interaction_id>")
def decide(interaction_id: str) -> Response | WerkzeugResponse:
    """Take the person's decision about what the application may know."""
    provider = services()
    _offer_account()
    outcome = _transacted(
        lambda session: decide_consent(
            session,
            services=provider,
            interaction_id=interaction_id,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            person_id=request.form.get("person", ""),
            allowed=request.form.get("decision") == "allow",
            chosen=request.form.getlist("scope"),
            now=provider.clock.now(),
        )
    )
    return leave(outcome)


@blueprint.post("/authorize/account/<interaction_id>")
def choose(interaction_id: str) -> Response | WerkzeugResponse:
    """Take the person's choice of an account."""
    provider = services()
    _offer_account()
    goes_on = request.form.get("account") == "this"
    outcome = _transacted(
        lambda session: choose_account(
            session,
            services=provider,
            interaction_id=interaction_id,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            person_id=request.form.get("person", "") if goes_on else None,
            now=provider.clock.now(),
        )
    )
    return leave(outcome)


@blueprint.post("/authorize/institution/<interaction_id>")
def choose_institution(interaction_id: str) -> Response | WerkzeugResponse:
    """Take the person's choice of an institution."""
    provider = services()
    _offer_account()
    outcome = _transacted(
        lambda session: take_institution(
            session,
            services=provider,
            interaction_id=interaction_id,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            person_id=request.form.get("person", ""),
            institution_id=request.form.get("institution", ""),
            now=provider.clock.now(),
        )
    )
    return leave(outcome)


def _transacted(work: Callable[[Session], _Outcome]) -> _Outcome:
    """Do the work in a transaction; again, if an answer is encrypted to a key that had to be fetched first."""
    provider = services()

    def run() -> _Outcome:
        with provider.database.transaction() as session:
            return work(session)

    return provider.remote_keys.retrying(run)


def _offer_account() -> None:
    # Should it end in an error: an address of a sign-in that is over leads nowhere a second time.
    offer_way_on(gettext("Ir a su cuenta"), url_for("account.home"))


def _account_page(needed: AccountChoiceIsNeeded) -> Response:
    prefer_languages(needed.ui_locales)
    allow_form_redirect_to(needed.redirect_uri)
    return render(
        "idp/select_account.html",
        interaction_id=needed.interaction_id,
        client_name=needed.client.name,
        client_origin=origin_of(needed.redirect_uri).partition("//")[2],
        institution_name=needed.institution.name if needed.institution else "",
        person_id=needed.person.id,
        person_name=needed.person.name,
        cedula=mask_document(needed.person.document),
    )


def _consent_page(needed: ConsentIsNeeded) -> Response:
    prefer_languages(needed.ui_locales)
    allow_form_redirect_to(needed.redirect_uri)
    subject = subject_for(services(), needed.client, needed.person.id)
    claims = person_claims(needed.person, (*needed.necessary, *needed.optional), subject=subject) | dict(needed.rights)
    necessary: list[ConsentLine] = consent_lines(needed.necessary, claims, needed.permissions)
    return render(
        "idp/consent.html",
        interaction_id=needed.interaction_id,
        client_name=needed.client.name,
        client_origin=origin_of(needed.redirect_uri).partition("//")[2],
        institution_name=needed.institution.name if needed.institution else "",
        person_id=needed.person.id,
        person_name=needed.person.name,
        necessary=necessary or consent_lines((OPENID,), claims, {}),
        details=details_blocks(needed.details, needed.details_types),
        optional=consent_lines(needed.optional, claims, needed.permissions),
        pages=client_pages(needed.client.metadata),
        verified=needed.verified,
    )


def leave(outcome: AuthorizationAnswer | PersonIsNeeded) -> Response:
    """Send the browser on."""
    if isinstance(outcome, AuthorizationAnswer) and outcome.response_mode == FORM_POST:
        allow_form_redirect_to(outcome.redirect_uri)
        response = render(
            "idp/form_post.html",
            action=outcome.redirect_uri,
            parameters=outcome.parameters,
            destination=origin_of(outcome.redirect_uri).partition("//")[2],
            failed=outcome.failed,
        )
    else:
        response = leave_at_once(outcome, shown=False).response()
    if isinstance(outcome, AuthorizationAnswer) and outcome.browser_state is not None:
        show_browser_state(response, outcome.browser_state)
    return response


def leave_at_once(outcome: AuthorizationAnswer | PersonIsNeeded, *, shown: bool = True) -> ReadyAnswer:
    """Send the browser on, not by a form.

    :param shown: with the cookie that stands for the login towards applications' pages.
    """
    # RFC 9700 §4.12: never 307, which would carry a typed password on to the application.
    if isinstance(outcome, PersonIsNeeded):
        return see_other(outcome.path)
    build = with_fragment if outcome.response_mode == FRAGMENT else with_query
    answer = see_other(build(outcome.redirect_uri, outcome.parameters))
    if shown and outcome.browser_state is not None:
        answer.headers.append(("Set-Cookie", state_cookie(outcome.browser_state)))
    return answer
