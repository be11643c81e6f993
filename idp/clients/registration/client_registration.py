"""What an application registers, made valid once: metadata by the names of RFC 7591 §2.

Each topic has its module beside this one, single members are read by ``values``, and what must fit together is in
``consistency``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from idp.authentication.assurance import ACR_LEVELS, ACR_VALUES
from idp.clients.auth_method import SERVED_METHODS, AuthMethod
from idp.clients.policy import (
    AUTHORIZATION_CODE,
    CIBA,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    IMPLICIT,
    JWT_BEARER,
    POLICIES,
    PUBLIC,
    REFRESH_TOKEN,
    SERVICE,
    TOKEN_EXCHANGE,
    WEB,
    ClientPolicy,
)
from idp.clients.registration.about import about_metadata
from idp.clients.registration.answers import answer_metadata
from idp.clients.registration.backchannel import backchannel_metadata
from idp.clients.registration.callbacks import event_authorization, event_values, leaving_values
from idp.clients.registration.client_keys import key_metadata, read_jwks
from idp.clients.registration.consistency import LOGIN_GRANT_TYPES, require_consistent
from idp.clients.registration.metadata import ClientMetadata
from idp.clients.registration.requests import request_metadata
from idp.clients.registration.subjects import subject_metadata
from idp.clients.registration.tokens import token_metadata
from idp.clients.registration.uris import require_resource_identifier
from idp.clients.registration.values import one_of, redirect_uris, refusal, text, texts
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.protocol.scope import OPENID, split_scope
from kernel.secret_text import SecretText

ID_TOKEN_ALGORITHMS = TOKEN_ALGORITHMS
GRANT_TYPES = (
    AUTHORIZATION_CODE,
    IMPLICIT,
    REFRESH_TOKEN,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    CIBA,
    JWT_BEARER,
    TOKEN_EXCHANGE,
)
NAME_LIMIT = 100
DEFAULT_SCOPES = (OPENID, "profile")


@dataclass(frozen=True, kw_only=True)
class ClientRegistration:
    """Valid metadata of an application; build it with :meth:`parse`.

    ``policy``, ``optional_scopes`` and ``resource`` are ours, see :class:`idp.clients.client.Client`.
    """

    name: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    auth_method: AuthMethod
    jwks: dict[str, Any] | None
    id_token_alg: str
    grant_types: tuple[str, ...]
    application_type: str
    scopes: tuple[str, ...]
    optional_scopes: tuple[str, ...]
    minimum_acr: str | None
    resource: str | None
    policy: ClientPolicy
    metadata: ClientMetadata
    event_authorization: SecretText | None = None

    @classmethod
    def parse(cls, metadata: Mapping[str, Any]) -> Self:
        """Return valid metadata.

        Members that nobody here understands are left out (RFC 7591 §2). A member that is null counts as absent.

        :raises Rejected: ``bad_client_metadata``, ``bad_redirect_uri``, ``bad_jwks``, ``bad_resource``.
        """
        given = {name: value for name, value in metadata.items() if value is not None}
        native = one_of(given, "application_type", ("web", "native"), default="web") == "native"
        grants = texts(given, "grant_types") or (AUTHORIZATION_CODE,)
        if unknown := set(grants) - set(GRANT_TYPES):
            raise refusal(f"grant_types: {', '.join(sorted(unknown))} is not served here")
        method = AuthMethod(
            one_of(given, "token_endpoint_auth_method", SERVED_METHODS, default=AuthMethod.CLIENT_SECRET_BASIC)
        )
        policy = _policy(given, method=method, grants=grants)
        addresses = redirect_uris(given, "redirect_uris", native=native)
        registration = cls(
            name=_name(given.get("client_name")),
            redirect_uris=addresses,
            post_logout_redirect_uris=redirect_uris(given, "post_logout_redirect_uris", native=native),
            auth_method=method,
            jwks=read_jwks(given),
            id_token_alg=_id_token_alg(given, policy),
            grant_types=tuple(grant for grant in GRANT_TYPES if grant in grants),
            application_type="native" if native else "web",
            scopes=_scopes(given, "scope") or (DEFAULT_SCOPES if LOGIN_GRANT_TYPES & set(grants) else ()),
            optional_scopes=_scopes(given, "optional_scope"),
            minimum_acr=_minimum_acr(given),
            resource=_resource(given),
            policy=policy,
            event_authorization=event_authorization(given),
            metadata=ClientMetadata(
                **about_metadata(given),
                **key_metadata(given, method=method, policy=policy),
                **subject_metadata(given, redirect_uris=addresses),
                **request_metadata(given, grants=grants, policy=policy),
                **answer_metadata(given, policy=policy),
                **token_metadata(given, policy=policy),
                **leaving_values(given, redirect_uris=addresses),
                **event_values(given),
                **backchannel_metadata(given, grants=grants, policy=policy),
            ),
        )
        require_consistent(registration)
        return registration


def _policy(metadata: Mapping[str, Any], *, method: AuthMethod, grants: Sequence[str]) -> ClientPolicy:
    """Return the policy named, or the one that fits what is registered."""
    fitting = PUBLIC if method is AuthMethod.NONE else WEB if LOGIN_GRANT_TYPES & set(grants) else SERVICE
    return POLICIES[one_of(metadata, "policy", tuple(POLICIES), default=fitting.name)]


def _id_token_alg(metadata: Mapping[str, Any], policy: ClientPolicy) -> str:
    allowed = [each for each in ID_TOKEN_ALGORITHMS if each in (policy.signature_algorithms or ID_TOKEN_ALGORITHMS)]
    return one_of(metadata, "id_token_signed_response_alg", allowed, default=ID_TOKEN_ALGORITHMS[0])


def _name(value: object) -> str:
    name = " ".join(value.split()) if isinstance(value, str) else ""
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise refusal(f"client_name: 1 to {NAME_LIMIT} characters that people will read")
    return name


def _scopes(metadata: Mapping[str, Any], name: str) -> tuple[str, ...]:
    try:
        return split_scope(metadata.get(name, ""))
    except (ValueError, AttributeError) as error:
        raise refusal(f"{name}: scopes with a space between them") from error


def _minimum_acr(metadata: Mapping[str, Any]) -> str | None:
    values = texts(metadata, "default_acr_values")
    if not values:
        return None
    if len(values) != 1 or values[0] not in (*ACR_VALUES, *ACR_LEVELS):
        raise refusal(f"default_acr_values: one of {', '.join((*ACR_VALUES, *ACR_LEVELS))}")
    return values[0]


def _resource(metadata: Mapping[str, Any]) -> str | None:
    value = text(metadata, "resource")
    if value is not None:
        require_resource_identifier(value)
    return value
