"""What the APIs of rights answer alike: who may call, and what is refused how."""

from __future__ import annotations

from flask import Response, request

from idp.protocol.dpop import DPOP_ALGORITHMS
from idp.protocol.errors import BearerTokenError
from idp.web.access import services
from idp.web.sender import add_nonce, request_sender

BEARER, DPOP = "bearer", "dpop"
_ID_LIMIT = 128


def presented_token() -> tuple[str, str]:
    """Return scheme and token of this request, both empty without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return (scheme.lower(), token.strip()) if scheme.lower() in (BEARER, DPOP) and token.strip() else ("", "")


def challenge(error: BearerTokenError | None, scheme: str) -> list[tuple[str, str]]:
    """Return the headers that say which token is wanted (RFC 6750 §3, RFC 9449 §7.1)."""
    told = f', error="{error.code}", error_description="{error.public_detail}"' if error else ""
    bearer = f'Bearer realm="SAU"{told if scheme != DPOP else ""}'
    dpop = f'DPoP realm="SAU"{told if scheme == DPOP else ""}, algs="{" ".join(DPOP_ALGORITHMS)}"'
    return [("WWW-Authenticate", each) for each in ((dpop, bearer) if scheme == DPOP else (bearer, dpop))]


def token_status(error: BearerTokenError | None) -> int:
    """Return the status of a refused token."""
    return 403 if error is not None and error.code == "insufficient_scope" else 401


def finish(response: Response) -> Response:
    """Add what each answer carries: the caller's own request id, the nonce for its next proof, no storing."""
    named = request.headers.get("X-Request-ID", "")
    if named and len(named) <= _ID_LIMIT and named.isascii() and named.isprintable():
        response.headers["X-Request-Id"] = named
    headers: list[tuple[str, str]] = []
    add_nonce(headers, request_sender())
    response.headers.extend(headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def issuer() -> str:
    """Return our own address."""
    return services().settings.issuer
