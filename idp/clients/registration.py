"""What an application registers, made valid once: metadata by the names of RFC 7591 §2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from idp.authentication.assurance import ACR_VALUES
from idp.clients.auth_method import SERVED_METHODS, AuthMethod
from idp.clients.callbacks import leaving_values
from idp.clients.jwks import require_public_jwks
from idp.clients.metadata import CERTIFICATE_NAMES, ClientMetadata
from idp.clients.policy import POLICIES, PUBLIC, SERVICE, WEB, ClientPolicy
from idp.clients.uris import require_https_uri, require_registrable_redirect_uri, require_resource_identifier
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.protocol.certificate_subject import CertificateSubjectError, normal_subject
from idp.protocol.client_assertion import ALGORITHMS, SECRET_ALGORITHMS
from idp.protocol.scope import IDENTITY_SCOPES, OFFLINE_ACCESS, OPENID, SCOPE_TOKEN, split_scope
from kernel.errors import Rejected

ID_TOKEN_ALGORITHMS = TOKEN_ALGORITHMS
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
NAME_LIMIT = 100
RESOURCE_SCOPES_LIMIT = 50
URIS_LIMIT = 20
DEFAULT_SCOPES = (OPENID, "profile")

_UNDERSTOOD = frozenset(
    {
        "client_name",
        "redirect_uris",
        "post_logout_redirect_uris",
        "token_endpoint_auth_method",
        "jwks",
        "id_token_signed_response_alg",
        "grant_types",
        "response_types",
        "application_type",
        "scope",
        "optional_scope",
        "default_acr_values",
        "resource",
        "policy",
    }
)


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

    @classmethod
    def parse(cls, metadata: Mapping[str, Any]) -> Self:
        """Return valid metadata.

        Members that nobody here understands are left out (RFC 7591 §2); one that would change security if it were
        left out is refused.

        :raises Rejected: ``bad_client_metadata``, ``bad_redirect_uri``, ``bad_jwks``, ``bad_resource``.
        """
        _refuse_unserved(metadata)
        known = {name: value for name, value in metadata.items() if name in _UNDERSTOOD and value is not None}
        application_type = _one_of(known, "application_type", ("web", "native"), default="web")
        grants = _texts(known, "grant_types") or ("authorization_code",)
        if unknown := set(grants) - set(GRANT_TYPES):
            raise _bad(f"grant_types: {', '.join(sorted(unknown))} is not served here")
        method = AuthMethod(
            _one_of(
                known,
                "token_endpoint_auth_method",
                SERVED_METHODS,
                default=AuthMethod.CLIENT_SECRET_BASIC,
            )
        )
        registration = cls(
            name=_name(known.get("client_name")),
            redirect_uris=_uris(known, "redirect_uris", native=application_type == "native"),
            post_logout_redirect_uris=_uris(known, "post_logout_redirect_uris", native=application_type == "native"),
            auth_method=method,
            jwks=require_public_jwks(known["jwks"]) if "jwks" in known else None,
            id_token_alg=_one_of(known, "id_token_signed_response_alg", ID_TOKEN_ALGORITHMS, default="ES256"),
            grant_types=tuple(grant for grant in GRANT_TYPES if grant in grants),
            application_type=application_type,
            scopes=_scopes(known, "scope") or (DEFAULT_SCOPES if "authorization_code" in grants else ()),
            optional_scopes=_scopes(known, "optional_scope"),
            minimum_acr=_minimum_acr(known),
            resource=_resource(known, "resource"),
            policy=_policy(known, method=method, grants=grants),
            metadata=_metadata(metadata),
        )
        registration._require_consistent()
        return registration

    def _require_consistent(self) -> None:
        if self.auth_method not in self.policy.auth_methods and self.auth_method is not AuthMethod.IN_PROCESS:
            raise _bad(f"token_endpoint_auth_method: the policy {self.policy.name} does not allow it")
        if foreign := set(self.grant_types) - self.policy.grant_types:
            raise _bad(f"grant_types: the policy {self.policy.name} does not allow {', '.join(sorted(foreign))}")
        if "authorization_code" in self.grant_types:
            if not self.redirect_uris:
                raise _bad("redirect_uris: an application that people log in to needs one")
            if OPENID not in self.scopes:
                raise _bad("scope: must contain openid")
            foreign = set(self.scopes) - set(IDENTITY_SCOPES)
            if foreign and not self.metadata.resources:
                raise _bad(f"scope: {', '.join(sorted(foreign))} belongs to no API in resources")
        elif self.redirect_uris:
            raise _bad("redirect_uris: a service without people has none")
        if not set(self.optional_scopes) <= set(self.scopes) - {OPENID}:
            raise _bad("optional_scope: must be a part of scope, without openid")
        if "refresh_token" in self.grant_types and "authorization_code" not in self.grant_types:
            raise _bad("grant_types: refresh_token goes with authorization_code")
        if (OFFLINE_ACCESS in self.scopes) != ("refresh_token" in self.grant_types):
            raise _bad("scope offline_access and grant type refresh_token go together")
        if self.jwks is not None and self.metadata.jwks_uri is not None:
            raise _bad("jwks_uri: send either this or jwks")
        if (len(self.metadata.certificate_names) == 1) != (self.auth_method is AuthMethod.TLS_CLIENT_AUTH):
            raise _bad("tls_client_auth goes with exactly one tls_client_auth_… name that its certificate has")
        by_key = (AuthMethod.PRIVATE_KEY_JWT, AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH)
        if self.auth_method in by_key and self.jwks is None and self.metadata.jwks_uri is None:
            raise _bad(f"jwks: {self.auth_method.value} needs the public key, there or at jwks_uri")
        if "client_credentials" in self.grant_types:
            if self.auth_method is AuthMethod.NONE:
                raise _bad("grant_types: a public client cannot prove who it is, so no client_credentials")
            if not self.metadata.resources:
                raise _bad("resources: client_credentials needs the API that its tokens open")
        if self.metadata.resource_scopes and self.resource is None:
            raise _bad("resource_scopes: goes with resource, the identifier of the API")
        if self.resource is not None and self.auth_method is AuthMethod.NONE:
            raise _bad("resource: an API is a confidential client")


def _refuse_unserved(metadata: Mapping[str, Any]) -> None:
    refused = {
        "request_uris": "request objects are not served",
        "sector_identifier_uri": "pairwise subjects are not served",
        "id_token_encrypted_response_alg": "encrypted ID tokens are not served",
        "userinfo_signed_response_alg": "signed UserInfo is not served",
        "userinfo_encrypted_response_alg": "encrypted UserInfo is not served",
        "request_object_signing_alg": "request objects are not served",
    }
    for name, why in refused.items():
        if metadata.get(name):
            raise _bad(f"{name}: {why}")
    if metadata.get("response_types", ["code"]) != ["code"]:
        raise _bad("response_types: only code is served")
    if metadata.get("subject_type", "public") != "public":
        raise _bad("subject_type: only public is served")


def _policy(known: Mapping[str, Any], *, method: AuthMethod, grants: Sequence[str]) -> ClientPolicy:
    """Return the policy named, or the one that fits what is registered."""
    fitting = PUBLIC if method is AuthMethod.NONE else WEB if "authorization_code" in grants else SERVICE
    return POLICIES[_one_of(known, "policy", tuple(POLICIES), default=fitting.name)]


def _metadata(metadata: Mapping[str, Any]) -> ClientMetadata:
    resources = _texts(metadata, "resources")
    for resource in resources:
        require_resource_identifier(resource)
    algorithm = metadata.get("token_endpoint_auth_signing_alg")
    if algorithm is not None:
        _one_of(metadata, "token_endpoint_auth_signing_alg", (*ALGORITHMS, *SECRET_ALGORITHMS), default="")
    jwks_uri = metadata.get("jwks_uri")
    if jwks_uri is not None:
        require_https_uri(jwks_uri, "jwks_uri")
    return ClientMetadata(
        jwks_uri=jwks_uri,
        token_endpoint_auth_signing_alg=algorithm,
        **_certificate_names(metadata),
        resources=resources,
        resource_scopes=_resource_scopes(metadata.get("resource_scopes")),
        access_token_format=_one_of(metadata, "access_token_format", ("jwt",), default="jwt"),
        **leaving_values(metadata, redirect_uris=_texts(metadata, "redirect_uris")),
    )


def _certificate_names(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 8705 §2.1.2: exactly one, in one spelling."""
    named = {name: metadata[name] for name in CERTIFICATE_NAMES if metadata.get(name) is not None}
    try:
        return {name: normal_subject(name, value) for name, value in named.items()}
    except CertificateSubjectError as error:
        raise _bad(f"{', '.join(named)}: {error}") from error


def _resource_scopes(value: object) -> dict[str, str]:
    """Return an API's scopes with the words that people will read when they are asked to allow them."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > RESOURCE_SCOPES_LIMIT:
        raise _bad(f"resource_scopes: an object of {RESOURCE_SCOPES_LIMIT} scopes at most, with words for each")
    for scope, words in value.items():
        if not SCOPE_TOKEN.fullmatch(scope) or scope in IDENTITY_SCOPES:
            raise _bad("resource_scopes: each is a scope of the API's own")
        if not isinstance(words, str) or not 0 < len(words) <= NAME_LIMIT or not words.isprintable():
            raise _bad(f"resource_scopes: 1 to {NAME_LIMIT} characters that people will read")
    return dict(value)


def _name(value: object) -> str:
    name = " ".join(value.split()) if isinstance(value, str) else ""
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise _bad(f"client_name: 1 to {NAME_LIMIT} characters that people will read")
    return name


def _texts(metadata: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = metadata.get(field, [])
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(item, str) for item in value):
        raise _bad(f"{field}: a list of texts")
    return tuple(dict.fromkeys(value))


def _uris(metadata: Mapping[str, Any], field: str, *, native: bool) -> tuple[str, ...]:
    uris = _texts(metadata, field)
    if len(uris) > URIS_LIMIT:
        raise _bad(f"{field}: {URIS_LIMIT} at most")
    for uri in uris:
        require_registrable_redirect_uri(uri, native=native)
    return uris


def _one_of(metadata: Mapping[str, Any], field: str, allowed: Sequence[str], *, default: str) -> str:
    value = metadata.get(field, default)
    if not isinstance(value, str) or value not in allowed:
        raise _bad(f"{field}: one of {', '.join(allowed)}")
    return value


def _scopes(metadata: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = metadata.get(field, "")
    try:
        return split_scope(value)
    except (ValueError, AttributeError) as error:
        raise _bad(f"{field}: scopes with a space between them") from error


def _minimum_acr(metadata: Mapping[str, Any]) -> str | None:
    values = _texts(metadata, "default_acr_values")
    if not values:
        return None
    if len(values) != 1 or values[0] not in ACR_VALUES:
        raise _bad(f"default_acr_values: one of {', '.join(ACR_VALUES)}")
    return values[0]


def _resource(metadata: Mapping[str, Any], field: str) -> str | None:
    value = metadata.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _bad(f"{field}: a text")
    require_resource_identifier(value)
    return value


def _bad(detail: str) -> Rejected:
    return Rejected(detail, code="bad_client_metadata")
