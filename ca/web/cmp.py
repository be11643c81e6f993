"""CMP over HTTP (RFC 9811 §3)."""

from __future__ import annotations

from flask import Blueprint, Response, request, session
from limits import parse

from ca.cmp.message import MAX_MESSAGE_SIZE
from ca.web.services import cmp_server, services
from kernel.origin import current_origin
from web.client_address import network_of
from web.rate_limit import count, limit, require_not_spent

PATH, WELL_KNOWN = "/cmp", "/.well-known/cmp"
blueprint = Blueprint("cmp", __name__)
_TYPE = "application/pkixcmp"
_STRANGERS = parse("20 per minute")


@blueprint.after_request
def _for_software(response: Response) -> Response:
    session.modified = False
    session.accessed = False  # last: every use of the name sets it
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post(PATH)
@blueprint.post(WELL_KNOWN)
@blueprint.post(f"{WELL_KNOWN}/p/<label>")
@limit("120 per minute")
def message(label: str | None = None) -> Response:
    """One message and its answer; an error is a message, too, with status 200 (RFC 9811 §3.3)."""
    if request.mimetype != _TYPE:
        return Response(f"Send {_TYPE} (RFC 9811).\n", 415, mimetype="text/plain")
    key = network_of(current_origin().address)
    require_not_spent(_STRANGERS, "cmp.stranger", key)
    body = request.get_data(cache=False)[: MAX_MESSAGE_SIZE + 1]
    answer = cmp_server().answer(body, label=label, now=services().clock.now())
    if not answer.entered:
        count(_STRANGERS, "cmp.stranger", key)
    return Response(answer.der, mimetype=_TYPE)
