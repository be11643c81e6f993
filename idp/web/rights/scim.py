"""What every address of SCIM shares (RFC 7644): who calls, what is wrong, and the form of answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.own_apis import PROVISIONING
from idp.protocol.errors import BearerTokenError
from idp.tokens.own_api import CallingService, open_own_api
from idp.web.access import services
from idp.web.rights.api_answers import challenge, finish, issuer, presented_token, token_status
from idp.web.sender import request_sender
from kernel.errors import Conflict, NotFound, Rejected, ServiceError
from web.json_body import json_body

PATH = "/scim/v2"
SCOPE = "scim"
blueprint = Blueprint("idp_provisioning", __name__, url_prefix=PATH)
blueprint.after_request(finish)
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_TYPES = {
    "invalid_filter": "invalidFilter",
    "belongs_already": "uniqueness",
    "role_held_already": "uniqueness",
    "immutable": "mutability",
    "no_target": "noTarget",
    "too_many": "tooMany",
}


@blueprint.errorhandler(ServiceError)
def _refused(error: ServiceError) -> Response:
    if isinstance(error, BearerTokenError):
        response = problem(token_status(error), error.public_detail, None)
        response.headers.extend(challenge(error, presented_token()[0]))
        return response
    if isinstance(error, Conflict):
        status = 412 if error.code == "changed_meanwhile" else 409
    else:
        status = {Rejected: 400, NotFound: 404}.get(type(error), 403)
    kind = _TYPES.get(error.code, "invalidValue" if status == 400 else None)
    return problem(status, error.public_detail, kind)


def enter(work: Callable[[Session, CallingService, datetime], Response]) -> Response:
    """Let the caller in and do the work, in one transaction; who may not is on record."""
    provider, (scheme, token) = services(), presented_token()
    now = provider.clock.now()
    with provider.database.transaction() as session:
        try:
            caller = open_own_api(
                session,
                services=provider,
                token=token,
                scheme=scheme,
                sender=request_sender(),
                audience=PROVISIONING,
                now=now,
            )
            if SCOPE not in caller.scopes:
                raise BearerTokenError("no_scim_scope", code="insufficient_scope")
        except BearerTokenError as error:
            event = Event(type=EventType.ACCESS_REFUSED, outcome=Outcome.REFUSED, reason=error.reason[:64])
            provider.journal.refuse(session, event, error, now=now)
        return work(session, caller, now)


def base() -> str:
    """Return the address under which resources stand."""
    return f"{issuer()}{PATH}"


def body_of_request() -> dict[str, Any]:
    """Return the JSON object that was sent. :raises Rejected: ``invalid_value``."""
    body = json_body(whatever_type=True)
    if not isinstance(body, dict):
        raise Rejected("The request is a JSON object.", code="invalid_value")
    return body


def number(name: str, default: int) -> int:
    """Return a number of the query."""
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 8 else default


def listed(resources: list[dict[str, Any]]) -> Response:
    """Return all of a short list."""
    return as_json(
        {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": len(resources),
            "Resources": resources,
        }
    )


def problem(status: int, detail: str, kind: str | None) -> Response:
    """Return an error (RFC 7644 §3.12)."""
    document = {"schemas": [_ERROR], "status": str(status), "detail": detail}
    return as_json(document | ({"scimType": kind} if kind else {}), status)


def as_json(document: dict[str, Any], status: int = 200) -> Response:
    """Return a document."""
    return Response(json.dumps(document, ensure_ascii=False), status, mimetype="application/scim+json")
