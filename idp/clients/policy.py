"""Policies: named sets of rules that an administrator picks for an application. Rules ask the policy, never its name.

A policy is the whole difference between kinds of applications; what differs within a kind is registered metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from idp.clients.auth_method import AuthMethod
from idp.protocol.algorithms import KEY_MANAGEMENT_ALGORITHMS, OLD_KEY_MANAGEMENT_ALGORITHMS

CODE = "code"
_NO_CODE_ALONE = frozenset({"id_token", "id_token token", "code id_token", "code token", "code id_token token"})

AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS = "authorization_code", "refresh_token", "client_credentials"
IMPLICIT = "implicit"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # nosec B105 - a name

_PEOPLE = frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE})
_SECRET_OR_KEY = frozenset(
    {
        AuthMethod.CLIENT_SECRET_BASIC,
        AuthMethod.CLIENT_SECRET_POST,
        AuthMethod.CLIENT_SECRET_JWT,
        AuthMethod.PRIVATE_KEY_JWT,
        AuthMethod.TLS_CLIENT_AUTH,
        AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH,
    }
)
_FAPI_METHODS = frozenset(
    {AuthMethod.PRIVATE_KEY_JWT, AuthMethod.TLS_CLIENT_AUTH, AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH}
)
_MODERN_ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")


@dataclass(frozen=True, kw_only=True)
class ClientPolicy:
    """The rules for one kind of application.

    :ivar words: what an administrator reads when he picks it.
    :ivar response_types: what may be registered and asked for, each in the alphabetical order of its parts.
    :ivar pkce: whether every authorization request needs a challenge (RFC 7636). A public client always does.
    :ivar pushed_requests: whether only requests pushed before (RFC 9126) are answered.
    :ivar signed_requests: whether the request must be a signed object (RFC 9101).
    :ivar merges_request_objects: whether what a request object leaves out is taken from beside it, as OpenID Connect
        Core §6.1 has it; RFC 9101 §6.3 has the object count alone.
    :ivar pushed_request_lifetime: how long a pushed request waits for the browser (FAPI 2.0 §5.3.2.2: under 600 s).
    :ivar signed_responses: whether authorization responses must be signed (JARM).
    :ivar sender_constrained: whether tokens are only given bound to a key (RFC 9449, RFC 8705).
    :ivar dpop_nonce: whether a DPoP proof must repeat a nonce of ours; otherwise it may (RFC 9449 §8).
    :ivar rotates_refresh_tokens: False keeps one refresh token: FAPI 2.0 §5.3.2.1 has it bound to a key instead.
    :ivar issuer_as_only_audience: whether assertions must be addressed to the issuer as one string (FAPI 2.0 §5.3.2.1).
    :ivar signature_algorithms: what the client may sign with; empty: all that we verify.
    :ivar key_management_algorithms: by which answers may be encrypted to the client.
    :ivar code_lifetime: how long an authorization code may wait.
    """

    name: str
    words: str
    auth_methods: frozenset[AuthMethod]
    grant_types: frozenset[str]
    response_types: frozenset[str] = frozenset({CODE})
    pkce: bool = True
    pushed_requests: bool = False
    signed_requests: bool = False
    merges_request_objects: bool = False
    pushed_request_lifetime: timedelta = timedelta(seconds=90)
    signed_responses: bool = False
    sender_constrained: bool = False
    dpop_nonce: bool = False
    rotates_refresh_tokens: bool = True
    issuer_as_only_audience: bool = False
    signature_algorithms: tuple[str, ...] = ()
    key_management_algorithms: tuple[str, ...] = KEY_MANAGEMENT_ALGORITHMS
    code_lifetime: timedelta = timedelta(seconds=60)


WEB = ClientPolicy(
    name="web",
    words="Web application with a server of its own: authorization code with PKCE.",
    auth_methods=_SECRET_OR_KEY | {AuthMethod.IN_PROCESS},
    grant_types=_PEOPLE | {CLIENT_CREDENTIALS, TOKEN_EXCHANGE, JWT_BEARER, CIBA},
)
CLASSIC = replace(
    WEB,
    name="classic",
    words="Older library: PKCE is optional for clients with a secret; implicit and hybrid flows where registered.",
    auth_methods=_SECRET_OR_KEY | {AuthMethod.NONE},
    grant_types=WEB.grant_types | {IMPLICIT},
    response_types=WEB.response_types | _NO_CODE_ALONE,
    key_management_algorithms=KEY_MANAGEMENT_ALGORITHMS + OLD_KEY_MANAGEMENT_ALGORITHMS,
    pkce=False,
    merges_request_objects=True,
)
PUBLIC = ClientPolicy(
    name="public",
    words="Application on a telephone, computer or in a browser: it cannot keep a secret.",
    auth_methods=frozenset({AuthMethod.NONE}),
    grant_types=_PEOPLE,
)
SERVICE = ClientPolicy(
    name="service",
    words="Service without people: it acts for itself, or hands on what it was given.",
    auth_methods=_SECRET_OR_KEY,
    grant_types=frozenset({CLIENT_CREDENTIALS, TOKEN_EXCHANGE, JWT_BEARER}),
    response_types=frozenset(),
)
FAPI2 = ClientPolicy(
    name="fapi2",
    words="High risk (FAPI 2.0 Security Profile): pushed requests, keys instead of secrets, tokens bound to a key.",
    auth_methods=_FAPI_METHODS,
    grant_types=frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS}),
    pushed_requests=True,
    sender_constrained=True,
    dpop_nonce=True,
    rotates_refresh_tokens=False,
    issuer_as_only_audience=True,
    signature_algorithms=_MODERN_ALGORITHMS,
)
FAPI2_MESSAGE_SIGNING = replace(
    FAPI2,
    name="fapi2-message-signing",
    words="FAPI 2.0 Message Signing: as fapi2, with requests and responses signed so that neither side can deny them.",
    signed_requests=True,
    signed_responses=True,
)
FAPI_CIBA = replace(
    FAPI2,
    name="fapi-ciba",
    words="FAPI-CIBA: the person approves on another device; signed requests, keys, tokens bound to a key.",
    grant_types=FAPI2.grant_types | {CIBA},
    signed_requests=True,
    # A client that polls sends what it has sent before, its assertion too, which works once.
    dpop_nonce=False,
)

POLICIES: Mapping[str, ClientPolicy] = {
    policy.name: policy for policy in (WEB, CLASSIC, PUBLIC, SERVICE, FAPI2, FAPI2_MESSAGE_SIGNING, FAPI_CIBA)
}
