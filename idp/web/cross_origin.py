"""Which other sites' scripts may read our answers (Fetch §3.2): never those of /authorize."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy.orm import Session

from idp.clients.origins import is_origin_of_public_client

# Discovery and keys are public: no cookie, no secret.
ANYONE = "*"
#: Says that the answer may be another one for a script of another site.
DEPENDS_ON_ORIGIN = ("Vary", "Origin")


def allow_anyone(response: Response) -> Response:
    """Let any site's script read this public document."""
    response.headers["Access-Control-Allow-Origin"] = ANYONE
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def allow_registered_origin(response: Response, session: Session) -> Response:
    """Let the script of a registered public client's own origin read this answer; no cookie goes with it."""
    origin = request.headers.get("Origin", "")
    response.headers.add(*DEPENDS_ON_ORIGIN)
    if is_origin_of_public_client(session, origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate, DPoP-Nonce"
    return response


def answer_preflight(session: Session) -> Response:
    """Answer a browser that asks before it sends (Fetch §4.8)."""
    response = allow_registered_origin(Response(status=204), session)
    if "Access-Control-Allow-Origin" in response.headers:
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, DPoP"
        response.headers["Access-Control-Max-Age"] = "600"
    return response
