"""The authorization request, made valid once, and the order of its rules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Self

from idp.protocol.acr import Levels, required_acr
from idp.protocol.authorization_details import PARAMETER as DETAILS
from idp.protocol.authorization_details import DetailsType, InvalidDetailsError, parse_authorization_details
from idp.protocol.claims_request import parse_claims_request, verified_in, within_scopes
from idp.protocol.errors import NotRedirectableError, RedirectableError
from idp.protocol.max_age import parse_max_age
from idp.protocol.parameters import Parameters
from idp.protocol.pkce import require_challenge
from idp.protocol.prompt import CONSENT, parse_prompt
from idp.protocol.redirect_uri import require_registered_redirect_uri
from idp.protocol.request_origin import FRONT_CHANNEL, RequestOrigin, require_origin
from idp.protocol.requesting_client import RequestingClient
from idp.protocol.resource import PARAMETER as RESOURCE
from idp.protocol.resource import InvalidTargetError, requested_resources
from idp.protocol.response_mode import require_served_response_mode, response_mode_or_default
from idp.protocol.response_type import CODE, ID_TOKEN, TOKEN, require_response_type
from idp.protocol.scope import IDENTITY_SCOPES, requested_scopes
from idp.protocol.terms import Terms

STATE_LIMIT = 2_000
NONCE_LIMIT = 500
HINT_LIMIT = 254
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, kw_only=True)
class ReturnAddress:
    """Where the answer goes, errors too, once it is verified."""

    client_id: str
    redirect_uri: str
    response_mode: str
    state: str | None

    @classmethod
    def parse(cls, parameters: Parameters, *, client: RequestingClient) -> Self:
        """Return the verified address. :raises NotRedirectableError: if redirect URI or client cannot be trusted."""
        for name in ("client_id", "redirect_uri"):
            if name in parameters.repeated:
                raise NotRedirectableError("invalid_request", f"{name} came more than once.")
        redirect_uri = require_registered_redirect_uri(
            parameters.get("redirect_uri"),
            registered=client.redirect_uris,
            native=client.application_type == "native",
        )
        state = None if "state" in parameters.repeated else parameters.get("state")
        mode = None if "response_mode" in parameters.repeated else parameters.get("response_mode")
        return cls(
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            response_mode=response_mode_or_default(
                mode,
                response_type=None if "response_type" in parameters.repeated else parameters.get("response_type"),
                signed=client.policy.signed_responses,
            ),
            state=state if state is None or len(state) <= STATE_LIMIT else None,
        )


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """A valid authorization request (OpenID Connect Core §3.1.2.1).

    :ivar scopes: known and allowed to the client, in reading order.
    :ivar pushed_sha256: digest of the reference to a pushed request, to be used up with the answer.
    :ivar required_acr: what the login must reach, or None; see :mod:`idp.protocol.acr`.
    :ivar institution: RUC of the institution with which the person is to go in, as it came.
    :ivar id_token_hint: as it came; verified where the keys are.
    """

    client_id: str
    redirect_uri: str
    response_type: str
    response_mode: str
    state: str | None
    nonce: str | None
    scopes: tuple[str, ...]
    code_challenge: str | None
    terms: Terms
    dpop_jkt: str | None
    pushed_sha256: str | None
    prompts: frozenset[str]
    max_age: int | None
    required_acr: str | None
    login_hint: str | None
    id_token_hint: str | None
    ui_locales: tuple[str, ...]
    institution: str | None = None

    @classmethod
    def parse(
        cls,
        parameters: Parameters,
        *,
        client: RequestingClient,
        address: ReturnAddress,
        known_acr: Sequence[str],
        acr_levels: Levels = MappingProxyType({}),
        userinfo: str,
        details_types: Mapping[str, DetailsType] = MappingProxyType({}),
        origin: RequestOrigin = FRONT_CHANNEL,
    ) -> Self:
        """Return the valid request; the order below is the order in which errors win.

        :param userinfo: the resource indicator of our UserInfo endpoint.
        :param details_types: types of authorization details that the client's APIs declare.
        :param origin: how the parameters reached us.
        :raises RedirectableError: with the error code of RFC 6749 §4.1.2.1 or OpenID Connect Core §3.1.2.6.
        """
        if parameters.repeated:
            names = ", ".join(sorted(parameters.repeated))
            raise RedirectableError("invalid_request", f"A parameter came more than once: {_ascii(names)}.")
        _require_short(parameters)
        require_origin(origin, client=client)
        if parameters.get("registration") is not None:  # OpenID Connect Core §7.2.1
            raise RedirectableError("registration_not_supported", "registration is not served.")
        response_type = require_response_type(
            parameters.get("response_type"),
            allowed=client.policy.response_types,
            registered=client.metadata.response_types,
            grant_types=client.grant_types,
        )
        _require_bearer_tokens_allowed(response_type, client)
        require_served_response_mode(
            parameters.get("response_mode"), response_type=response_type, signed=client.policy.signed_responses
        )
        _require_nonce(parameters.get("nonce"), response_type)
        scopes = requested_scopes(parameters.get("scope"), allowed=client.scopes)
        challenge = require_challenge(
            parameters.get("code_challenge"),
            parameters.get("code_challenge_method"),
            required=CODE in response_type.split(" ") and (client.policy.pkce or client.is_public),
        )
        max_age = parse_max_age(parameters.get("max_age"))
        details = _details(parameters, client=client, types=details_types)
        resources = _resources(parameters, client=client, userinfo=userinfo, scopes=scopes)
        terms = Terms(
            # What is allowed in detail is allowed at the API that knows it.
            resources=tuple(dict.fromkeys((*resources, *(details_types[item["type"]].resource for item in details)))),
            authorization_details=details,
            claims=within_scopes(parse_claims_request(parameters.get("claims")), client.scopes),
        )
        return cls(
            client_id=client.client_id,
            redirect_uri=address.redirect_uri,
            response_type=response_type,
            response_mode=address.response_mode,
            state=address.state,
            nonce=parameters.get("nonce"),
            scopes=scopes,
            code_challenge=challenge,
            terms=terms,
            dpop_jkt=_thumbprint(origin.dpop_jkt),
            pushed_sha256=origin.pushed_sha256,
            prompts=parse_prompt(parameters.get("prompt")),
            max_age=client.metadata.default_max_age if max_age is None else max_age,
            required_acr=required_acr(
                parameters.get("acr_values"),
                known=known_acr,
                levels=acr_levels,
                minimum=client.minimum_acr,
                claims=terms.claims,
            ),
            login_hint=(parameters.get("login_hint") or "")[:HINT_LIMIT] or None,
            id_token_hint=parameters.get("id_token_hint"),
            ui_locales=tuple((parameters.get("ui_locales") or "").split())[:10],
            institution=(parameters.get("institution") or "")[:13] or None,
        )

    @property
    def is_asked_each_time(self) -> bool:
        """Whether the person decides anew, whatever was allowed before.

        It was wished, details are at stake, or how his identity was verified is to be told.
        """
        return CONSENT in self.prompts or bool(self.terms.authorization_details) or self.asks_for_verified_claims

    @property
    def asks_for_verified_claims(self) -> bool:
        """Whether the application wants to know how the person's identity was verified."""
        return any(verified_in(self.terms.claims, place) for place in self.terms.claims)

    @property
    def asked(self) -> tuple[str, ...]:
        """What the person is asked to allow: scopes, and APIs at which the application will act for the person.

        Claims that are asked for by name are asked of the person by the scopes that they belong to.
        """
        named = (scope for scope in self.terms.claimed_scopes if scope not in self.scopes)
        return (*self.scopes, *named, *self.terms.resources)

    @property
    def address(self) -> ReturnAddress:
        """Where the answer goes."""
        return ReturnAddress(
            client_id=self.client_id,
            redirect_uri=self.redirect_uri,
            response_mode=self.response_mode,
            state=self.state,
        )

    def to_document(self) -> dict[str, Any]:
        """Return the request as JSON values, to be kept in an interaction."""
        return {
            **asdict(self),
            "scopes": list(self.scopes),
            "prompts": sorted(self.prompts),
            "ui_locales": list(self.ui_locales),
            "terms": self.terms.to_document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the request that :meth:`to_document` wrote."""
        return cls(
            **{
                # What a version before this one did not write.
                "response_type": CODE,
                "dpop_jkt": None,
                "pushed_sha256": None,
                **document,
                "scopes": tuple(document["scopes"]),
                "prompts": frozenset(document["prompts"]),
                "ui_locales": tuple(document["ui_locales"]),
                "terms": Terms.from_document(document["terms"]),
            }
        )


def _resources(
    parameters: Parameters, *, client: RequestingClient, userinfo: str, scopes: Sequence[str]
) -> tuple[str, ...]:
    try:
        return requested_resources(
            parameters.all(RESOURCE),
            registered=client.metadata.resources,
            userinfo=userinfo,
            needs_api=not set(scopes) <= set(IDENTITY_SCOPES),
        )
    except InvalidTargetError as error:
        raise RedirectableError("invalid_target", "A resource is not one that this client registered.") from error


def _details(
    parameters: Parameters, *, client: RequestingClient, types: Mapping[str, DetailsType]
) -> tuple[dict[str, Any], ...]:
    try:
        return parse_authorization_details(
            parameters.get(DETAILS), allowed=client.metadata.authorization_details_types, types=types
        )
    except InvalidDetailsError as error:
        raise RedirectableError("invalid_authorization_details", f"authorization_details: {error}.") from error


def _thumbprint(dpop_jkt: str | None) -> str | None:
    # RFC 9449 §10: SHA-256 in base64url.
    if dpop_jkt is not None and not _THUMBPRINT.fullmatch(dpop_jkt):
        raise RedirectableError("invalid_request", "dpop_jkt is the SHA-256 thumbprint of a key.")
    return dpop_jkt


def _require_short(parameters: Parameters) -> None:
    for name, limit in (("state", STATE_LIMIT), ("nonce", NONCE_LIMIT)):
        if len(parameters.get(name) or "") > limit:
            raise RedirectableError("invalid_request", f"{name} has {limit} characters at most.")


def _require_bearer_tokens_allowed(response_type: str, client: RequestingClient) -> None:
    bound = client.metadata.dpop_bound_access_tokens or client.metadata.tls_client_certificate_bound_access_tokens
    if bound and TOKEN in response_type.split(" "):
        # Nothing at this endpoint proves that the browser holds the key.
        raise RedirectableError("unauthorized_client", "Tokens of this client are bound to a key: use the code flow.")


def _require_nonce(nonce: str | None, response_type: str) -> None:
    # OpenID Connect Core §3.2.2.1, §3.3.2.11: an ID token in a redirect is bound to the request by nothing else.
    if nonce is None and ID_TOKEN in response_type.split(" "):
        raise RedirectableError("invalid_request", "A nonce is required with this response_type.")


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()
