"""Authlib's authorization server over our use cases: it finds the grant or endpoint, they do the work.

Only its dispatch is used, and not even that for what is asked for most (see ``_DIRECT``). Client authentication, codes,
tokens and their storage are ours, because the stock classes save a token before they use up the code, accept other
clients' codes and log tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    OAuth2Request,
    TokenEndpoint,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authorization.pushed_request import push_authorization_request
from idp.authorization.redemption import redeem_authorization_code
from idp.clients.authentication import authenticate_client
from idp.clients.client import Client
from idp.clients.policy import CIBA, DEVICE_CODE, JWT_BEARER, TOKEN_EXCHANGE
from idp.decoupled.backchannel import request_backchannel_authentication
from idp.decoupled.device import request_device_authorization
from idp.decoupled.polling import poll_for_tokens
from idp.oauth.assertion_grant import authenticate_by_assertion
from idp.oauth.exchange import EndpointAnswer, EndpointCall
from idp.protocol.errors import TokenError
from idp.tokens.binding import require_binding
from idp.tokens.confirmation import Confirmation
from idp.tokens.introspection import introspect_token
from idp.tokens.introspection_jwt import introspection_jwt
from idp.tokens.refresh import refresh_tokens
from idp.tokens.revocation import revoke_token
from idp.tokens.service_token import issue_service_token
from idp.tokens.token_exchange import exchange_token
from idp.tokens.token_set import TokenSet

# Asked again and again until a person decides.
_TOLD_BY_THEMSELVES = ("token", "introspect")
_Answer = tuple[int, dict[str, Any] | str, list[tuple[str, str]]]


class _Request(OAuth2Request):
    """Our call in Authlib's clothes."""

    def __init__(self, call: EndpointCall) -> None:
        # Authlib checks that the address is https or loopback; settings have seen to that for the issuer.
        super().__init__("POST", f"https://sau.invalid/{call.endpoint}")
        self.call = call
        self.payload = BasicOAuth2Payload(dict(call.form.values))

    @property
    def form(self) -> dict[str, str]:
        return dict(self.call.form.values)


class _Server(AuthorizationServer):
    """Dispatch by grant type and endpoint name."""

    def create_oauth2_request(self, request: EndpointCall | _Request) -> _Request:
        return request if isinstance(request, _Request) else _Request(request)

    def authenticate_client(self, request: _Request, methods: object, endpoint: str = "token") -> Client:
        return _authenticate(request.call)

    def get_token_grant(self, request: _Request) -> Any:
        try:
            return super().get_token_grant(request)
        except UnsupportedGrantTypeError:
            _refuse_grant_type(request.call)

    def handle_response(
        self, status: int, body: dict[str, Any] | str, headers: list[tuple[str, str]]
    ) -> EndpointAnswer:
        return EndpointAnswer(status, body, dict(headers))

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens: what happens is an event in the transaction."""


class _Grant(BaseGrant, TokenEndpointMixin):
    """A grant whose client is authenticated before anything of it is looked at."""

    def validate_token_request(self) -> None:
        self.request.client = self.authenticate_token_endpoint_client()

    def create_token_response(self) -> _Answer:
        return 200, self.exchange(self.request.call, self.request.client).to_document(), []

    def exchange(self, call: EndpointCall, client: Client) -> TokenSet:
        """Return the tokens."""
        raise NotImplementedError

    def binding(self, call: EndpointCall, client: Client) -> Confirmation | None:
        """Return the key that the request proves, for the tokens to be bound to."""
        return require_binding(
            call.session,
            services=call.services,
            client=client,
            sender=call.sender,
            grant_type=str(self.GRANT_TYPE),
            now=call.now,
        )


class _AuthorizationCodeGrant(_Grant):
    GRANT_TYPE = "authorization_code"

    def exchange(self, call: EndpointCall, client: Client) -> TokenSet:
        return redeem_authorization_code(
            call.session,
            services=call.services,
            client=client,
            code=call.form.get("code"),
            code_verifier=call.form.get("code_verifier"),
            redirect_uri=call.form.get("redirect_uri"),
            resources=call.form.all("resource"),
            authorization_details=call.form.get("authorization_details"),
            confirmation=self.binding(call, client),
            now=call.now,
        )


class _RefreshTokenGrant(_Grant):
    GRANT_TYPE = "refresh_token"

    def exchange(self, call: EndpointCall, client: Client) -> TokenSet:
        return refresh_tokens(
            call.session,
            services=call.services,
            client=client,
            refresh_token=call.form.get("refresh_token"),
            scope=call.form.get("scope"),
            resources=call.form.all("resource"),
            authorization_details=call.form.get("authorization_details"),
            confirmation=self.binding(call, client),
            now=call.now,
        )


class _ClientCredentialsGrant(_Grant):
    GRANT_TYPE = "client_credentials"

    def exchange(self, call: EndpointCall, client: Client) -> TokenSet:
        return issue_service_token(
            call.session,
            services=call.services,
            client=client,
            scope=call.form.get("scope"),
            resources=call.form.all("resource"),
            confirmation=self.binding(call, client),
            now=call.now,
        )


class _PolledGrant(_Grant):
    """A grant that is asked for until a person has decided on another device."""

    PARAMETER: ClassVar[str]

    def exchange(self, call: EndpointCall, client: Client) -> TokenSet:
        return poll_for_tokens(
            call.session,
            services=call.services,
            client=client,
            grant_type=self.GRANT_TYPE,
            secret=call.form.get(self.PARAMETER),
            resources=call.form.all("resource"),
            confirmation=self.binding(call, client),
            now=call.now,
        )


class _DeviceCodeGrant(_PolledGrant):
    GRANT_TYPE = DEVICE_CODE
    PARAMETER = "device_code"


class _CibaGrant(_PolledGrant):
    GRANT_TYPE = CIBA
    PARAMETER = "auth_req_id"


class _JwtBearerGrant(_Grant):
    GRANT_TYPE = JWT_BEARER

    def validate_token_request(self) -> None:
        self.request.client = authenticate_by_assertion(self.request.call)

    def exchange(self, call: EndpointCall, client: Client) -> TokenSet:
        return issue_service_token(
            call.session,
            services=call.services,
            client=client,
            scope=call.form.get("scope"),
            resources=call.form.all("resource"),
            confirmation=self.binding(call, client),
            grant_type=JWT_BEARER,
            now=call.now,
        )


class _TokenExchangeGrant(_Grant):
    GRANT_TYPE = TOKEN_EXCHANGE

    def exchange(self, call: EndpointCall, client: Client) -> TokenSet:
        return exchange_token(
            call.session,
            services=call.services,
            client=client,
            form=call.form,
            confirmation=self.binding(call, client),
            now=call.now,
        )


class _BackchannelAuthenticationEndpoint(TokenEndpoint):
    ENDPOINT_NAME = "ciba"

    def create_endpoint_response(self, request: _Request) -> _Answer:
        call, client = request.call, self.authenticate_endpoint_client(request)
        document = request_backchannel_authentication(
            call.session, services=call.services, client=client, form=call.form, now=call.now
        )
        return 200, document, []


class _DeviceAuthorizationEndpoint(TokenEndpoint):
    ENDPOINT_NAME = "device_authorization"

    def create_endpoint_response(self, request: _Request) -> _Answer:
        call, client = request.call, self.authenticate_endpoint_client(request)
        document = request_device_authorization(
            call.session, services=call.services, client=client, form=call.form, now=call.now
        )
        return 200, document, []


class _IntrospectionEndpoint(TokenEndpoint):
    ENDPOINT_NAME = "introspect"

    def create_endpoint_response(self, request: _Request) -> _Answer:
        call, client = request.call, self.authenticate_endpoint_client(request)
        return 200, _introspected(call, client), []


class _RevocationEndpoint(TokenEndpoint):
    ENDPOINT_NAME = "revoke"

    def create_endpoint_response(self, request: _Request) -> _Answer:
        call, client = request.call, self.authenticate_endpoint_client(request)
        revoke_token(call.session, services=call.services, client=client, token=call.form.get("token"), now=call.now)
        return 200, {}, []


class _PushedRequestEndpoint(TokenEndpoint):
    ENDPOINT_NAME = "par"

    def create_endpoint_response(self, request: _Request) -> _Answer:
        call, client = request.call, self.authenticate_endpoint_client(request)
        pushed = push_authorization_request(
            call.session, services=call.services, client=client, form=call.form, sender=call.sender, now=call.now
        )
        return 201, pushed.to_document(), []


def answer_endpoint(call: EndpointCall) -> EndpointAnswer:
    """Answer one call inside its transaction.

    :raises ServiceError: whatever the use cases refuse; it leaves the caller's ``with`` block after the commit.
    """
    call.form.require_each_once()
    direct = _DIRECT.get((call.endpoint, call.form.get("grant_type") if call.endpoint == "token" else None))
    if direct is not None:
        return EndpointAnswer(200, direct(call, _authenticate(call)), {})
    if call.endpoint == "token":
        answer = _server.create_token_response(call)
    else:
        answer = _server.create_endpoint_response(call.endpoint, call)
    assert isinstance(answer, EndpointAnswer)
    return answer


def _authenticate(call: EndpointCall) -> Client:
    return authenticate_client(
        call.session,
        services=call.services,
        presented=call.presented,
        sender=call.sender,
        endpoint=call.endpoint,
        # Their own event says by which method the client proved who it is; a poll that finds nothing has none.
        recorded=call.endpoint not in _TOLD_BY_THEMSELVES,
        now=call.now,
    )


def _introspected(call: EndpointCall, client: Client) -> dict[str, Any] | str:
    token = call.form.get("token")
    said = introspect_token(call.session, services=call.services, client=client, token=token, now=call.now)
    if not call.wants_jwt:
        return said
    return introspection_jwt(call.session, call.services, client=client, response=said, now=call.now)


def _exchanged(grant: _Grant) -> _Direct:
    return lambda call, client: grant.exchange(call, client).to_document()


def _refuse_grant_type(call: EndpointCall) -> NoReturn:
    missing = call.form.get("grant_type") is None
    error = (
        TokenError("invalid_request", "The grant_type is missing.")
        if missing
        else TokenError("unsupported_grant_type", "This grant_type is not served.")
    )
    event = Event(type=EventType.TOKEN_REFUSED, outcome=Outcome.REFUSED, reason=error.code)
    call.services.journal.refuse(call.session, event, error, now=call.now)


_Direct = Callable[[EndpointCall, Client], dict[str, Any] | str]
# By endpoint and, at the token endpoint, ``grant_type``.
_DIRECT: dict[tuple[str, str | None], _Direct] = {
    ("token", str(grant.GRANT_TYPE)): _exchanged(grant(None, None))
    for grant in (_AuthorizationCodeGrant, _RefreshTokenGrant, _ClientCredentialsGrant)
} | {("introspect", None): _introspected}

_server = _Server()
for _grant in (
    _AuthorizationCodeGrant,
    _RefreshTokenGrant,
    _ClientCredentialsGrant,
    _DeviceCodeGrant,
    _CibaGrant,
    _JwtBearerGrant,
    _TokenExchangeGrant,
):
    _server.register_grant(_grant)
for _endpoint in (
    _IntrospectionEndpoint,
    _RevocationEndpoint,
    _PushedRequestEndpoint,
    _DeviceAuthorizationEndpoint,
    _BackchannelAuthenticationEndpoint,
):
    _server.register_endpoint(_endpoint)
