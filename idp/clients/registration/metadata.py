"""What an application registered beyond its addresses and scopes, by the names of the registered metadata.

Sources: OpenID Connect Dynamic Client Registration §2, RFC 7591 §2, RFC 8705 §2.1.2, RFC 9126 §6, RFC 9449 §5.2,
RFC 9101 §10.5, RFC 9396 §10, RFC 9701 §6, JARM §3, CIBA Core §4, Back-Channel and Front-Channel Logout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

CERTIFICATE_NAMES = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)


@dataclass(frozen=True, kw_only=True)
class ClientMetadata:
    """Valid values; a default is what holds when nothing was registered.

    Names that are ours: ``resources`` (the APIs that tokens may be asked for, the first by default),
    ``resource_scopes`` (of an API: its scopes, with the words that people read), ``resource_details`` (of an API: its
    types of authorization details), ``access_token_format`` (``jwt`` or ``opaque``),
    ``access_token_signed_response_alg`` (``ES256`` or ``RS256``), ``event_delivery_uri`` and ``events_requested``
    (security events, RFC 8935).
    """

    response_types: tuple[str, ...] = ("code",)
    # who it is
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    contacts: tuple[str, ...] = ()
    software_id: str | None = None
    software_version: str | None = None
    initiate_login_uri: str | None = None
    # keys and authentication
    jwks_uri: str | None = None
    token_endpoint_auth_signing_alg: str | None = None
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None
    tls_client_auth_san_uri: str | None = None
    tls_client_auth_san_ip: str | None = None
    tls_client_auth_san_email: str | None = None
    # subjects
    subject_type: str = "public"
    sector_identifier_uri: str | None = None
    # requests
    request_uris: tuple[str, ...] = ()
    request_object_signing_alg: str | None = None
    request_object_encryption_alg: str | None = None
    request_object_encryption_enc: str | None = None
    require_signed_request_object: bool = False
    require_pushed_authorization_requests: bool = False
    authorization_details_types: tuple[str, ...] = ()
    default_max_age: int | None = None
    sessions_at_most: int | None = None
    when_sessions_are_full: str = "end_oldest"
    require_auth_time: bool = False
    # answers
    id_token_encrypted_response_alg: str | None = None
    id_token_encrypted_response_enc: str | None = None
    userinfo_signed_response_alg: str | None = None
    userinfo_encrypted_response_alg: str | None = None
    userinfo_encrypted_response_enc: str | None = None
    introspection_signed_response_alg: str | None = None
    introspection_encrypted_response_alg: str | None = None
    introspection_encrypted_response_enc: str | None = None
    authorization_signed_response_alg: str | None = None
    authorization_encrypted_response_alg: str | None = None
    authorization_encrypted_response_enc: str | None = None
    # tokens
    resources: tuple[str, ...] = ()
    resource_scopes: Mapping[str, str] = field(default_factory=dict)
    resource_details: Mapping[str, Any] = field(default_factory=dict)
    access_token_format: str = "jwt"
    access_token_signed_response_alg: str = "ES256"
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    # decoupled
    backchannel_token_delivery_mode: str | None = None
    backchannel_client_notification_endpoint: str | None = None
    backchannel_authentication_request_signing_alg: str | None = None
    backchannel_user_code_parameter: bool = False
    # leaving, and events
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    frontchannel_logout_uri: str | None = None
    frontchannel_logout_session_required: bool = False
    event_delivery_uri: str | None = None
    events_requested: tuple[str, ...] = ()

    @property
    def certificate_names(self) -> dict[str, str]:
        """What must stand in the certificate of ``tls_client_auth``, by the registered name (RFC 8705 §2.1.2)."""
        return {name: value for name in CERTIFICATE_NAMES if (value := getattr(self, name)) is not None}

    def to_document(self) -> dict[str, Any]:
        """Return what differs from the defaults, as JSON values."""
        document: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value != _DEFAULTS[each.name]:
                document[each.name] = list(value) if isinstance(value, tuple) else value
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return what :meth:`to_document` wrote; names of a newer version of the service are left out."""
        known = {name: value for name, value in document.items() if name in _DEFAULTS}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in known.items()
        }
        return cls(**values)


_DEFAULTS: dict[str, Any] = {}
_DEFAULTS |= {each.name: getattr(ClientMetadata(), each.name) for each in fields(ClientMetadata)}
