"""The endpoints that applications' servers call: token, introspection, revocation, UserInfo."""

from __future__ import annotations

from flask import Blueprint, Response, request

from idp.oauth.exchange import EndpointAnswer, EndpointCall
from idp.oauth.server import answer_endpoint
from idp.protocol.errors import BearerTokenError, InvalidClientError
from idp.protocol.parameters import ParametersError, read_parameters
from idp.tokens.binding import BEARER, DPOP
from idp.tokens.userinfo import release_userinfo
from idp.web.access import services
from idp.web.client_failures import count_failure, require_few_failures
from idp.web.cross_origin import allow_registered_origin, answer_preflight
from idp.web.protocol_errors import bearer_error_response, json_response, token_error_response
from idp.web.sender import request_sender, with_nonce
from kernel.errors import ServiceError

blueprint = Blueprint("idp_protocol", __name__)

_FORM = "application/x-www-form-urlencoded"


@blueprint.post("/token", provide_automatic_options=False)
def token() -> Response:
    """Exchange a grant for tokens (RFC 6749 §3.2)."""
    return _endpoint("token")


@blueprint.post("/introspect", provide_automatic_options=False)
def introspect() -> Response:
    """Say what a token is worth now (RFC 7662)."""
    return _endpoint("introspect")


@blueprint.post("/revoke", provide_automatic_options=False)
def revoke() -> Response:
    """End a token (RFC 7009)."""
    return _endpoint("revoke")


@blueprint.post("/par", provide_automatic_options=False)
def par() -> Response:
    """Keep an authorization request until the browser brings its reference (RFC 9126)."""
    return _endpoint("par")


@blueprint.route("/userinfo", methods=["GET", "POST"], provide_automatic_options=False)
def userinfo() -> Response:
    """Return claims about the person (OpenID Connect Core §5.3)."""
    provider = services()
    scheme = BEARER
    try:
        scheme, presented = _presented_token()
        if presented is None:
            answer = bearer_error_response(None, scheme=scheme, issuer=provider.settings.issuer)
        else:
            sender = request_sender()
            with provider.database.transaction() as session:
                claims = release_userinfo(
                    session,
                    services=provider,
                    token=presented,
                    scheme=scheme,
                    sender=sender,
                    now=provider.clock.now(),
                )
            answer = json_response(claims)
    except ServiceError as error:
        answer = bearer_error_response(error, scheme=scheme, issuer=provider.settings.issuer)
    return _with_origin(with_nonce(answer))


@blueprint.route("/token", methods=["OPTIONS"])
@blueprint.route("/revoke", methods=["OPTIONS"])
@blueprint.route("/userinfo", methods=["OPTIONS"])
def preflight() -> Response:
    """Answer a browser that asks before it sends."""
    with services().database.reading() as session:
        return answer_preflight(session)


def _endpoint(name: str) -> Response:
    provider = services()
    authorization = request.headers.get("Authorization")
    try:
        _require_form_body()
        form = read_parameters(request.form.items(multi=True))
        require_few_failures(authorization=authorization, form=form)
        sender = request_sender()

        def answer() -> EndpointAnswer:
            with provider.database.transaction() as session:
                call = EndpointCall(
                    services=provider,
                    session=session,
                    endpoint=name,
                    authorization=authorization,
                    sender=sender,
                    form=form,
                    now=provider.clock.now(),
                )
                return answer_endpoint(call)

        try:
            answered = provider.remote_keys.retrying(answer)
        except InvalidClientError:
            count_failure(authorization=authorization, form=form)
            raise
        response = json_response(answered.document, answered.status)
    except ServiceError as error:
        response = token_error_response(error, basic=authorization is not None)
    if name in ("token", "par"):
        with_nonce(response)
    return response if name == "introspect" else _with_origin(response)


def _require_form_body() -> None:
    # RFC 6749 §3.2, §2.3.1: in the body, as a form; what stands in the query ends in logs and histories.
    if request.args:
        raise ParametersError("Parameters belong in the body, not in the address.")
    if request.mimetype != _FORM:
        raise ParametersError(f"The body must be {_FORM}.")


def _presented_token() -> tuple[str, str | None]:
    """Return scheme, in lower case, and token of the Authorization header (RFC 6750 §2.1, RFC 9449 §7.1).

    RFC 9700 §4.3.2: a token in the query is refused even beside a good header; so is one in the body, for simplicity.
    """
    if "access_token" in request.args or "access_token" in request.form:
        raise BearerTokenError(
            "wrong_place", code="invalid_request", public_detail="The token belongs in the Authorization header."
        )
    header = request.headers.get("Authorization")
    if header is None:
        return BEARER, None
    scheme, _, value = header.partition(" ")
    if scheme.lower() not in (BEARER, DPOP) or not value.strip():
        raise BearerTokenError("wrong_scheme")
    return scheme.lower(), value.strip()


def _with_origin(response: Response) -> Response:
    if "Origin" not in request.headers:
        response.headers.add("Vary", "Origin")
        return response
    with services().database.reading() as session:
        return allow_registered_origin(response, session)
