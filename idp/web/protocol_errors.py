"""Errors of the protocol as JSON answers (RFC 6749 §5.2, RFC 6750 §3)."""

from __future__ import annotations

import json
import math

import structlog

from idp.protocol.dpop import DPOP_ALGORITHMS
from idp.protocol.errors import BearerTokenError, InvalidClientError, TokenError
from idp.protocol.step_up import InsufficientAuthenticationError
from idp.tokens.binding import BEARER, DPOP
from kernel.errors import Fault, ServiceError, Throttled, Unavailable
from kernel.identifiers import new_reference
from web.ready_answer import ReadyAnswer

_log = structlog.get_logger("idp.protocol")

_STATUS = {
    "invalid_token": 401,
    "invalid_dpop_proof": 401,
    "use_dpop_nonce": 401,
    "insufficient_user_authentication": 401,
    "insufficient_scope": 403,
    "invalid_request": 400,
}
_UNCACHED = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
# RFC 9728 §3.1: where the description of our own API stands.
USERINFO_METADATA_PATH = "/.well-known/oauth-protected-resource/userinfo"


def token_error_response(error: ServiceError, *, basic: bool) -> ReadyAnswer:
    """Return the answer of the token, revocation or introspection endpoint to ``error``.

    :param basic: the client used the ``Authorization`` header, so it is told how (RFC 6749 §5.2).
    """
    if isinstance(error, Unavailable | Fault):
        return _our_fault(error)
    if isinstance(error, Throttled):
        response = json_response({"error": error.code, "error_description": error.public_detail}, 429)
        response.headers.append(("Retry-After", str(math.ceil(error.retry_after.total_seconds()))))
        return response
    if isinstance(error, InvalidClientError):
        response = json_response({"error": "invalid_client", "error_description": error.public_detail}, 401)
        if basic:
            response.headers.append(("WWW-Authenticate", 'Basic realm="SAU", charset="UTF-8"'))
        return response
    return json_response({"error": error.code, "error_description": error.public_detail}, 400)


def bearer_error_response(error: ServiceError | None, *, scheme: str, issuer: str) -> ReadyAnswer:
    """Return the answer of a protected resource; without ``error`` no token came at all (RFC 6750 §3.1).

    :param scheme: in which the token came, in lower case: its challenge tells the error, the other one that it exists
        (RFC 9449 §7.1); both where the resource is described (RFC 9728 §5.1).
    """
    if error is None:
        response, told = json_response({}, 401), ""
    elif isinstance(error, BearerTokenError):
        response = json_response({"error": error.code, "error_description": error.public_detail}, _STATUS[error.code])
        told = f', error="{error.code}", error_description="{error.public_detail}"'
        if isinstance(error, InsufficientAuthenticationError):
            told += "".join(f', {name}="{value}"' for name, value in error.parameters.items())  # RFC 9470 §3
    elif isinstance(error, TokenError):
        return json_response({"error": error.code, "error_description": error.public_detail}, 400)
    else:
        return _our_fault(error)
    described = f'resource_metadata="{issuer}{USERINFO_METADATA_PATH}"'
    bearer = f'Bearer realm="SAU"{told if scheme == BEARER else ""}, {described}'
    dpop = f'DPoP realm="SAU"{told if scheme == DPOP else ""}, algs="{" ".join(DPOP_ALGORITHMS)}", {described}'
    for challenge in (dpop, bearer) if scheme == DPOP else (bearer, dpop):
        response.headers.append(("WWW-Authenticate", challenge))
    return response


def json_response(document: dict[str, object], status: int = 200) -> ReadyAnswer:
    """Return ``document`` as JSON that no cache keeps (RFC 6749 §5.1)."""
    return ReadyAnswer.made(status, "application/json", json.dumps(document).encode("ascii"), _UNCACHED)


def jwt_response(token: str, *, media_type: str = "application/jwt") -> ReadyAnswer:
    """Return a signed or encrypted answer that no cache keeps (OpenID Connect Core §5.3.2, RFC 9701 §5)."""
    return ReadyAnswer.made(200, media_type, token.encode("ascii"), _UNCACHED)


def _our_fault(error: ServiceError) -> ReadyAnswer:
    reference = new_reference()
    _log.error("request_failed", reference=reference, code=error.code, detail=error.public_detail, exc_info=error)
    busy = isinstance(error, Unavailable)
    code = "temporarily_unavailable" if busy else "server_error"
    response = json_response({"error": code, "error_description": f"Reference {reference}."}, 503 if busy else 500)
    if busy:
        response.headers.append(("Retry-After", "10"))
    return response
