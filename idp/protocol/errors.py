"""Errors of the protocol: those that may travel through the browser to the application, and those that may not."""

from __future__ import annotations

from kernel.errors import Denied, Rejected


class NotRedirectableError(Rejected):
    """An authorization or logout request that fails before client and redirect URI are verified: a page of our own.

    RFC 9700 §4.11: an error that redirected to an unverified address would make us an open redirector.
    """

    default_code = "invalid_request"

    def __init__(self, code: str, public_detail: str) -> None:
        super().__init__(public_detail, code=code)


class RedirectableError(Rejected):
    """An authorization request that fails after client and redirect URI were verified (OpenID Connect Core §3.1.2.6).

    :ivar code: one of the error codes of RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6 or RFC 9470.
    """

    def __init__(self, code: str, public_detail: str) -> None:
        super().__init__(public_detail, code=code)


class TokenError(Rejected):
    """A token, revocation or introspection request that fails (RFC 6749 §5.2)."""

    def __init__(self, code: str, public_detail: str) -> None:
        super().__init__(public_detail, code=code)


class InvalidClientError(Denied):
    """Client authentication failed (RFC 6749 §5.2): unknown client, no or wrong credentials, or a wrong method.

    :ivar reason: what exactly, for the record only: the client is told no more than ``invalid_client``.
    :ivar client_id: as presented and bounded, if any.
    """

    def __init__(self, reason: str, *, client_id: str | None = None) -> None:
        super().__init__("Client authentication failed.", code="invalid_client")
        self.reason = reason
        self.client_id = client_id


class BearerTokenError(Denied):
    """An access token that does not open this resource (RFC 6750 §3.1).

    :ivar reason: what exactly, for the record.
    """

    def __init__(self, reason: str, *, code: str = "invalid_token", public_detail: str = "") -> None:
        super().__init__(public_detail or "The access token is not valid here.", code=code)
        self.reason = reason
