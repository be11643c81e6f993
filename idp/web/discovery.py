"""What this provider serves, said by itself (OpenID Connect Discovery §3, RFC 8414 §2), and its keys (RFC 7517)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

from flask import Blueprint, Response

from idp.authentication.assurance import served_acr_values, served_levels
from idp.clients.api import list_details_types
from idp.clients.auth_method import SERVED_METHODS, AuthMethod
from idp.clients.policy import POLICIES
from idp.clients.registration.backchannel import DELIVERY_MODES, REQUEST_SIGNING_ALGORITHMS
from idp.clients.registration.client_registration import GRANT_TYPES
from idp.clients.registration.subjects import SUBJECT_TYPES
from idp.protocol.algorithms import CONTENT_ENCRYPTION_ALGORITHMS, TOKEN_ALGORITHMS
from idp.protocol.client_assertion import ALGORITHMS, SECRET_ALGORITHMS
from idp.protocol.dpop import DPOP_ALGORITHMS
from idp.protocol.scope import CLAIMS_BY_SCOPE, IDENTITY_SCOPES
from idp.protocol.verified_claims import TRUST_FRAMEWORK, VERIFIABLE
from idp.tokens.key_rotation import JWKS_CACHE_LIFETIME
from idp.tokens.target import userinfo_resource
from idp.web import check_session
from idp.web.access import services
from idp.web.authorization_metadata import authorization_metadata
from idp.web.cross_origin import allow_anyone
from kernel.errors import Unavailable
from web.in_progress import application
from web.locale import LOCALES
from web.ready_answer import ReadyAnswer

blueprint = Blueprint("idp_discovery", __name__)

_CACHE = f"public, max-age={int(JWKS_CACHE_LIFETIME.total_seconds())}"
METADATA_PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
#: Endpoints that are answered on the mutual-TLS host as well (RFC 8705 §5), by their paths.
MTLS_ENDPOINTS: Mapping[str, str] = {
    "token_endpoint": "/token",
    "pushed_authorization_request_endpoint": "/par",
    "introspection_endpoint": "/introspect",
    "revocation_endpoint": "/revoke",
    "device_authorization_endpoint": "/device_authorization",
    "backchannel_authentication_endpoint": "/ciba",
    "userinfo_endpoint": "/userinfo",
}
_asking = Lock()
_ID_TOKEN_CLAIMS = ("iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "txn")


@blueprint.get(METADATA_PATHS[0])
@blueprint.get(METADATA_PATHS[1])
def discovery() -> Response:
    """Return the provider's metadata."""
    return _public(_metadata_text())


@blueprint.get("/jwks")
def jwks() -> Response:
    """Return the public keys: next, active and retired."""
    return _public(_jwks_text())


def ready_metadata() -> ReadyAnswer:
    """Return the same, for the short way."""
    return _ready(_metadata_text())


def ready_jwks() -> ReadyAnswer:
    """Return the same, for the short way."""
    return _ready(_jwks_text())


def metadata_at_hand() -> ReadyAnswer | None:
    """Return the same if nothing has to be asked for it."""
    settings, (minute, details) = services().settings, _known_details()
    return _ready(_metadata_json(settings.issuer, settings.mtls_origin, details)) if minute == _this_minute() else None


def jwks_at_hand() -> ReadyAnswer | None:
    """Return the keys if nothing has to be asked for them."""
    lately = services().token_keys.published_lately()
    return None if lately is None else _ready(lately.jwks_json)


def _metadata_text() -> str:
    settings = services().settings
    return _metadata_json(settings.issuer, settings.mtls_origin, details_types())


def _jwks_text() -> str:
    provider = services()
    lately = provider.token_keys.published_lately()
    if lately is not None:
        return lately.jwks_json
    # Everyone may keep the set for as long: what is not older may be served while the database does not answer, or
    # while somebody is finding out. One asks at a time, nobody waits for him.
    known = provider.token_keys.published_before(within=JWKS_CACHE_LIFETIME)
    if not _asking.acquire(blocking=known is None):
        assert known is not None
        return known.jwks_json
    try:
        with provider.database.reading() as session:
            return provider.token_keys.published(session).jwks_json
    except Unavailable:
        if known is None:
            raise
        return known.jwks_json
    finally:
        _asking.release()


def details_types() -> tuple[str, ...]:
    """Return the types of authorization details that APIs declare, as they were within the last minute."""
    minute, kept = _this_minute(), _known_details()
    if kept[0] != minute:
        try:
            with services().database.reading() as session:
                kept = (minute, list_details_types(session))
        except Unavailable:
            if not kept[0]:
                raise  # nothing is known yet
        application().extensions["idp_details_types"] = kept
    return kept[1]


def _known_details() -> tuple[int, tuple[str, ...]]:
    """Return the minute in which the types were read, 0 if they never were, and the types."""
    known: tuple[int, tuple[str, ...]] = application().extensions.get("idp_details_types", (0, ()))
    return known


def _this_minute() -> int:
    return int(services().clock.now().timestamp()) // 60


def metadata(issuer: str, mtls_origin: str = "", details: Sequence[str] = ()) -> dict[str, Any]:
    """Return the metadata document; each list is made from the rule that holds it.

    :param mtls_origin: the mutual-TLS host's origin, when there is one.
    :param details: types of authorization details that APIs declare.
    """
    document = _metadata(issuer)
    if details:
        document["authorization_details_types_supported"] = list(details)  # RFC 9396 §10
    certificates = bool(mtls_origin)
    document["acr_values_supported"] = [
        *served_acr_values(with_certificates=certificates),
        *served_levels(with_certificates=certificates),
    ]
    if mtls_origin:
        document["tls_client_certificate_bound_access_tokens"] = True
        document["mtls_endpoint_aliases"] = {
            name: mtls_origin + path for name, path in MTLS_ENDPOINTS.items() if name in document
        }
    return document


def _metadata(issuer: str) -> dict[str, Any]:
    methods = [method.value for method in SERVED_METHODS]
    confidential = [method for method in methods if method != AuthMethod.NONE.value]
    assertion_algorithms = [*ALGORITHMS, *SECRET_ALGORITHMS]
    claims = dict.fromkeys(name for names in CLAIMS_BY_SCOPE.values() for name in names)
    return {
        "issuer": issuer,
        **authorization_metadata(issuer),
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "introspection_endpoint": f"{issuer}/introspect",
        "revocation_endpoint": f"{issuer}/revoke",
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "backchannel_authentication_endpoint": f"{issuer}/ciba",
        "backchannel_token_delivery_modes_supported": list(DELIVERY_MODES),
        "backchannel_authentication_request_signing_alg_values_supported": list(REQUEST_SIGNING_ALGORITHMS),
        "backchannel_user_code_parameter_supported": False,
        "end_session_endpoint": f"{issuer}/logout",
        "registration_endpoint": f"{issuer}/register",
        "check_session_iframe": f"{issuer}{check_session.PATH}",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "scopes_supported": list(IDENTITY_SCOPES),
        "claims_supported": [*claims, *_ID_TOKEN_CLAIMS],
        **_answer_algorithms(),
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": list(SUBJECT_TYPES),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
        "protected_resources": [userinfo_resource(issuer)],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": True,
        **VERIFIED_CLAIMS_METADATA,
        "ui_locales_supported": list(LOCALES),
    }


#: OpenID Connect for Identity Assurance 1.0 §9.
VERIFIED_CLAIMS_METADATA: dict[str, object] = {
    "verified_claims_supported": True,
    "trust_frameworks_supported": [TRUST_FRAMEWORK],
    "claims_in_verified_claims_supported": list(VERIFIABLE),
    "evidence_supported": ["document", "electronic_record"],
    "documents_supported": ["idcard", "passport"],
    "documents_check_methods_supported": ["vpip"],
    "electronic_records_supported": ["population_register"],
}


def _answer_algorithms() -> dict[str, list[str]]:
    """OpenID Connect Discovery §3, RFC 9701 §7: what each kind of answer may be signed and encrypted by."""
    keys = list(dict.fromkeys(alg for policy in POLICIES.values() for alg in policy.key_management_algorithms))
    algorithms: dict[str, list[str]] = {}
    for kind in ("id_token", "userinfo", "introspection"):
        algorithms[f"{kind}_signing_alg_values_supported"] = list(TOKEN_ALGORITHMS)
        algorithms[f"{kind}_encryption_alg_values_supported"] = keys
        algorithms[f"{kind}_encryption_enc_values_supported"] = list(CONTENT_ENCRYPTION_ALGORITHMS)
    return algorithms


@lru_cache(maxsize=8)
def _metadata_json(issuer: str, mtls_origin: str, details: tuple[str, ...]) -> str:
    return json.dumps(metadata(issuer, mtls_origin, details))


def _public(document: str) -> Response:
    response = Response(document, mimetype="application/json")
    response.headers["Cache-Control"] = _CACHE
    return allow_anyone(response)


@lru_cache(maxsize=16)
def _ready(document: str) -> ReadyAnswer:
    return ReadyAnswer.of(_public(document))
