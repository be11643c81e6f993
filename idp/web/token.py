"""The endpoints that applications' servers call: token, introspection, revocation, UserInfo."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy.orm import Session
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from idp.oauth.exchange import EndpointAnswer, EndpointCall
from idp.oauth.server import answer_endpoint
from idp.protocol.client_authentication import present
from idp.protocol.errors import BearerTokenError, InvalidClientError
from idp.protocol.parameters import ParametersError, read_parameters
from idp.simulation.faults import SLOW_SECONDS, Fault
from idp.simulation.injecting import LABEL, inject_into_userinfo
from idp.tokens.binding import BEARER, DPOP
from idp.tokens.introspection_jwt import MEDIA_TYPE as INTROSPECTION_JWT
from idp.tokens.userinfo import UserInfo, release_userinfo
from idp.web.access import services
from idp.web.asked import Asked, asked_of_flask
from idp.web.client_failures import count_failure, require_few_failures
from idp.web.cross_origin import DEPENDS_ON_ORIGIN, allow_registered_origin, answer_preflight
from idp.web.protocol_errors import bearer_error_response, json_response, jwt_response, token_error_response
from idp.web.reading_ahead import wants_of_form, wants_of_token
from idp.web.sender import add_nonce
from kernel.errors import ServiceError
from kernel.origin import current_origin
from web.client_address import network_of
from web.held_answers import hold_answer
from web.rate_limit import check_limit
from web.ready_answer import ReadyAnswer
from web.short_way import FORM

blueprint = Blueprint("idp_protocol", __name__)

# What leaves a row and an event each time: far above a ministry's kiosks behind one address, far below a flood.
_REQUESTS_OF_A_NETWORK = {"device_authorization": "300 per minute", "ciba": "600 per minute"}
# Whoever accepts anything gets the first.
_ANSWERS = ("application/json", INTROSPECTION_JWT)


@blueprint.post("/token", provide_automatic_options=False)
def token() -> Response:
    """Exchange a grant for tokens (RFC 6749 §3.2)."""
    asked = asked_of_flask()
    return _for_scripts(answer_form("token", asked), asked)


@blueprint.post("/introspect", provide_automatic_options=False)
def introspect() -> Response:
    """Say what a token is worth now (RFC 7662)."""
    return answer_form("introspect", asked_of_flask()).response()


@blueprint.post("/revoke", provide_automatic_options=False)
def revoke() -> Response:
    """End a token (RFC 7009)."""
    asked = asked_of_flask()
    return _for_scripts(answer_form("revoke", asked), asked)


@blueprint.post("/par", provide_automatic_options=False)
def par() -> Response:
    """Keep an authorization request until the browser brings its reference (RFC 9126)."""
    asked = asked_of_flask()
    return _for_scripts(answer_form("par", asked), asked)


@blueprint.post("/device_authorization", provide_automatic_options=False)
def device_authorization() -> Response:
    """Give a device its codes (RFC 8628 §3.1)."""
    asked = asked_of_flask()
    return _for_scripts(answer_form("device_authorization", asked), asked)


@blueprint.post("/ciba", provide_automatic_options=False)
def backchannel_authentication() -> Response:
    """Ask a person to approve on a device of his own (CIBA Core §7)."""
    asked = asked_of_flask()
    return _for_scripts(answer_form("ciba", asked), asked)


@blueprint.route("/userinfo", methods=["GET", "POST"], provide_automatic_options=False)
def userinfo() -> Response:
    """Return claims about the person (OpenID Connect Core §5.3)."""
    asked = asked_of_flask()
    return _for_scripts(answer_userinfo(asked), asked)


@blueprint.route("/token", methods=["OPTIONS"])
@blueprint.route("/revoke", methods=["OPTIONS"])
@blueprint.route("/device_authorization", methods=["OPTIONS"])
@blueprint.route("/userinfo", methods=["OPTIONS"])
def preflight() -> Response:
    """Answer a browser that asks before it sends."""
    with services().database.reading() as session:
        return answer_preflight(session)


def answer_userinfo(asked: Asked) -> ReadyAnswer:
    """Answer one call of UserInfo, but for the headers that tell another site's script whether it may read."""
    provider = services()
    scheme = BEARER
    try:
        scheme, presented = _presented_token(asked)
        if presented is None:
            answer = bearer_error_response(None, scheme=scheme, issuer=provider.settings.issuer)
        else:
            now = provider.clock.now()

            def release(session: Session) -> UserInfo:
                told = release_userinfo(
                    session, services=provider, token=presented, scheme=scheme, sender=asked.sender, now=now
                )
                return inject_into_userinfo(session, provider, told=told, now=now)

            released = provider.remote_keys.retrying(
                lambda: provider.database.together(release, wants_of_token(provider, presented))
            )
            answer = json_response(dict(released.claims)) if released.jwt is None else jwt_response(released.jwt)
    except ServiceError as error:
        answer = bearer_error_response(error, scheme=scheme, issuer=provider.settings.issuer)
    add_nonce(answer.headers, asked.sender)
    return answer


def answer_form(endpoint: str, asked: Asked) -> ReadyAnswer:
    """Answer one call of an endpoint that takes a form, but for the headers that concern other sites' scripts."""
    provider = services()
    authorization = asked.header("Authorization")
    try:
        _require_form_body(asked)
        form = read_parameters(asked.form)
        if endpoint in _REQUESTS_OF_A_NETWORK:
            check_limit(_REQUESTS_OF_A_NETWORK[endpoint], f"idp.{endpoint}", network_of(current_origin().address))
        presented = present(authorization=authorization, form=form.values)
        require_few_failures(presented)
        now = provider.clock.now()

        def answer(session: Session) -> EndpointAnswer:
            return answer_endpoint(
                EndpointCall(
                    services=provider,
                    session=session,
                    endpoint=endpoint,
                    authorization=authorization,
                    presented=presented,
                    sender=asked.sender,
                    form=form,
                    now=now,
                    wants_jwt=endpoint == "introspect" and _wants_jwt(asked),
                )
            )

        wants = wants_of_form(provider, endpoint, presented=presented, form=form)
        try:
            answered = provider.remote_keys.retrying(lambda: provider.database.together(answer, wants))
        except InvalidClientError:
            count_failure(presented)
            raise
        if isinstance(answered.document, str):
            response = jwt_response(answered.document, media_type=INTROSPECTION_JWT)
        else:
            response = json_response(answered.document, answered.status)
            if answered.document.get(LABEL) == Fault.TOKEN_SLOW:
                hold_answer(asked.environ, SLOW_SECONDS)
    except ServiceError as error:
        response = token_error_response(error, basic=authorization is not None)
    if endpoint in ("token", "par"):
        add_nonce(response.headers, asked.sender)
    return response


def _wants_jwt(asked: Asked) -> bool:
    """RFC 9701 §4."""
    header = asked.header("Accept")
    if header in (None, "*/*", "application/json"):
        return False
    accepted = parse_accept_header(header, MIMEAccept)
    return accepted.best_match(_ANSWERS) == INTROSPECTION_JWT


def _require_form_body(asked: Asked) -> None:
    # RFC 6749 §3.2, §2.3.1: in the body, as a form; what stands in the query ends in logs and histories.
    if asked.query:
        raise ParametersError("Parameters belong in the body, not in the address.")
    if asked.media_type != FORM:
        raise ParametersError(f"The body must be {FORM}.")


def _presented_token(asked: Asked) -> tuple[str, str | None]:
    """Return scheme, in lower case, and token: of the Authorization header, or of the one form that was posted.

    RFC 6750 §2: in one place only. RFC 9700 §4.3.2: never in the query, not even beside a good header. A token that
    came in a form is a bearer's (§2.2): one that is bound to a key by DPoP is refused there (RFC 9449 §7.1).
    """
    header = asked.header("Authorization")
    # What a GET brings in a body has no meaning (RFC 9110 §9.3.1).
    form = asked.form if asked.sender.method == "POST" else ()
    posted = [value for name, value in form if name == "access_token"]
    if any(name == "access_token" for name, _ in asked.query):
        raise _wrong_place("A token in the address is not taken.")
    if len(posted) > 1 or (posted and header is not None):
        raise _wrong_place("The token came more than once.")
    if posted and asked.media_type != FORM:
        raise _wrong_place("The token belongs in the Authorization header, or in a form that is posted.")
    if posted:
        return BEARER, posted[0]
    if header is None:
        return BEARER, None
    scheme, _, value = header.partition(" ")
    if scheme.lower() not in (BEARER, DPOP) or not value.strip():
        raise BearerTokenError("wrong_scheme")
    return scheme.lower(), value.strip()


def _wrong_place(detail: str) -> BearerTokenError:
    return BearerTokenError("wrong_place", code="invalid_request", public_detail=detail)


def _for_scripts(answer: ReadyAnswer, asked: Asked) -> Response:
    response = answer.response()
    if asked.header("Origin") is None:
        response.headers.add(*DEPENDS_ON_ORIGIN)
        return response
    with services().database.reading() as session:
        return allow_registered_origin(response, session)
