"""What every API for programs shares: the token that came, and refusals as problem details (RFC 9457)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from flask import Response, json, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from kernel.errors import Denied, Fault, ServiceError, Throttled
from kernel.settings import Settings
from web.client_certificate import on_mtls_host, presented_certificate
from web.error_texts import family_of

PROOF_CODES = ("use_dpop_nonce", "invalid_dpop_proof")
TOKEN_CODES = ("invalid_token", "token_missing", *PROOF_CODES)
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class ShownToken:
    """An access token and what came with it, not yet believed.

    :ivar scheme: ``bearer`` or ``dpop``. :ivar url: the address without query as the client wrote it.
    :ivar certificate_der: the TLS client certificate that the proxy saw proof of.
    """

    token: str = field(repr=False)
    scheme: str
    method: str
    url: str
    dpop: tuple[str, ...] = field(default=(), repr=False)
    certificate_der: bytes | None = field(default=None, repr=False)


def shown_token(settings: Settings) -> ShownToken:
    """Return the token of this request. Cookies are not looked at.

    :raises Denied: (``token_missing``) without one in the ``Authorization`` header.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "dpop") or not token.strip():
        raise Denied("Send an access token.", code="token_missing")
    origin = settings.mtls_origin if on_mtls_host(request.environ, settings) else settings.issuer
    return ShownToken(
        token=token.strip(),
        scheme=scheme.lower(),
        method=request.method,
        url=f"{origin}{request.path}",
        dpop=tuple(request.headers.getlist("DPoP")),
        certificate_der=presented_certificate(),
    )


def problem(status: int, code: str, detail: str, **more: object) -> Response:
    """Return a problem document; ``more`` are members of its own (RFC 9457 §3.2)."""
    document = {
        "type": f"urn:sau:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    return Response(json.dumps(document), status, mimetype=PROBLEM)


def problem_of(error: ServiceError, *, realm: str, status: int | None = None, **more: object) -> Response:
    """Return the answer to ``error``: a fault's own words are never told.

    :param realm: for the challenge (RFC 6750 §3). :param status: where it is not that of the error's family.
    """
    told = status or (401 if error.code in TOKEN_CODES else family_of(error).status)
    hidden = isinstance(error, Fault) or told >= 500
    detail = "The service cannot answer now; ask again later." if hidden else error.public_detail
    response = problem(told, error.code, detail, **more)
    if told == 401:
        named = ', error="invalid_token"' if error.code == "invalid_token" else ""
        response.headers["WWW-Authenticate"] = f'Bearer realm="{realm}"{named}'
        if error.code in PROOF_CODES:
            response.headers["WWW-Authenticate"] = f'DPoP realm="{realm}", error="{error.code}"'
    elif error.code == "insufficient_scope":
        response.headers["WWW-Authenticate"] = f'Bearer realm="{realm}", error="insufficient_scope"'
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    return response


def problem_of_http(error: HTTPException) -> Response:
    """Return the answer to what the HTTP layer refused."""
    status = error.code or 500
    response = problem(status, error.name.lower().replace(" ", "_"), error.name)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response
