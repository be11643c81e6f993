"""How a client proves at the token endpoint who it is (OpenID Connect Core §9, RFC 8705 §2)."""

from __future__ import annotations

from enum import StrEnum


class AuthMethod(StrEnum):
    """A client authentication method, by its registered name."""

    NONE = "none"
    CLIENT_SECRET_BASIC = "client_secret_basic"
    CLIENT_SECRET_POST = "client_secret_post"
    CLIENT_SECRET_JWT = "client_secret_jwt"
    PRIVATE_KEY_JWT = "private_key_jwt"
    TLS_CLIENT_AUTH = "tls_client_auth"
    SELF_SIGNED_TLS_CLIENT_AUTH = "self_signed_tls_client_auth"
    IN_PROCESS = "in_process"  # our own console: it redeems its code inside this process and never over HTTP


SECRET_METHODS = (AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST, AuthMethod.CLIENT_SECRET_JWT)
ASSERTION_METHODS = (AuthMethod.CLIENT_SECRET_JWT, AuthMethod.PRIVATE_KEY_JWT)
CERTIFICATE_METHODS = (AuthMethod.TLS_CLIENT_AUTH, AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH)
# What client authentication verifies; the others are refused at registration until it does.
SERVED_METHODS = (
    AuthMethod.NONE,
    AuthMethod.CLIENT_SECRET_BASIC,
    AuthMethod.CLIENT_SECRET_POST,
    AuthMethod.CLIENT_SECRET_JWT,
    AuthMethod.PRIVATE_KEY_JWT,
    AuthMethod.TLS_CLIENT_AUTH,
    AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH,
)
