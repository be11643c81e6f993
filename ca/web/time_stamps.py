"""Time-stamps over HTTP (RFC 3161 §3.4)."""

from __future__ import annotations

from flask import Blueprint, Response, request, session

from ca.timestamping.query import MAX_REQUEST_SIZE
from ca.web.services import services, stamping_unit
from web.rate_limit import limit

PATH = "/tsa"
blueprint = Blueprint("time_stamps", __name__)
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"


@blueprint.after_request
def _no_cookies(response: Response) -> Response:
    session.modified = False
    session.accessed = False  # last: every use of the name sets it
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post(PATH)
@limit("600 per minute")
def stamp() -> Response:
    """A stamp, or the reason why there is none; both are TimeStampResp with status 200."""
    if request.mimetype != _QUERY:
        return Response(f"Send {_QUERY} (RFC 3161).\n", 415, mimetype="text/plain")
    body = request.get_data(cache=False)[: MAX_REQUEST_SIZE + 1]
    return Response(stamping_unit().answer(body, now=services().clock.now()), mimetype=_REPLY)
