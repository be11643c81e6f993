"""SCIM 2.0 on HTTP (RFC 7644), for the personnel system of an institution, by its application's token."""

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
from idp.rights.belonging import Belonging
from idp.rights.provisioning.users import (
    MOST_USERS,
    PERSON,
    USER,
    change_user,
    create_user,
    etag,
    list_users,
    patched_values,
    read_user,
    user_document,
)
from idp.tokens.own_api import CallingService, open_own_api
from idp.web.access import services
from idp.web.rights.api_answers import challenge, finish, issuer, presented_token, token_status
from idp.web.sender import request_sender
from kernel.errors import Conflict, NotFound, Rejected, ServiceError
from web.rate_limit import limit

PATH = "/scim/v2"
SCOPE = "scim"
blueprint = Blueprint("idp_provisioning", __name__, url_prefix=PATH)
blueprint.after_request(finish)
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_TYPES = {"invalid_filter": "invalidFilter", "belongs_already": "uniqueness"}


@blueprint.errorhandler(ServiceError)
def _refused(error: ServiceError) -> Response:
    if isinstance(error, BearerTokenError):
        response = _problem(token_status(error), error.public_detail, None)
        response.headers.extend(challenge(error, presented_token()[0]))
        return response
    if isinstance(error, Conflict):
        status = 412 if error.code == "changed_meanwhile" else 409
    else:
        status = {Rejected: 400, NotFound: 404}.get(type(error), 403)
    kind = _TYPES.get(error.code, "invalidValue" if status == 400 else None)
    return _problem(status, error.public_detail, kind)


@blueprint.get("/ServiceProviderConfig")
def configuration() -> Response:
    """Return what is served (RFC 7643 §5)."""
    no = {"supported": False}
    return _json(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": {"supported": True},
            "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": True, "maxResults": MOST_USERS},
            "changePassword": no,
            "sort": no,
            "etag": {"supported": True},
            "authenticationSchemes": [
                {"type": "oauthbearertoken", "name": "OAuth", "description": f"Token for {PROVISIONING}, scope {SCOPE}"}
            ],
        }
    )


@blueprint.get("/ResourceTypes")
def resource_types() -> Response:
    """Return what kinds of resources there are (RFC 7643 §6)."""
    kind = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "schema": USER,
        "schemaExtensions": [{"schema": PERSON, "required": True}],
    }
    return _list([kind])


@blueprint.get("/Schemas")
def schemas() -> Response:
    """Return the attributes (RFC 7643 §7)."""

    def attribute(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
        return {"name": name, "type": kind, "multiValued": False, "mutability": "readWrite", **more}

    user = [attribute("userName", required=True), attribute("title"), attribute("active", "boolean")]
    person = [attribute("cedula", required=True, mutability="writeOnly", returned="never")]
    return _list(
        [{"id": USER, "name": "User", "attributes": user}, {"id": PERSON, "name": "Person", "attributes": person}]
    )


@blueprint.get("/Users")
@limit("600 per minute", methods=("GET",))
def users() -> Response:
    """Return the institution's users."""
    start, count = _number("startIndex", 1), _number("count", MOST_USERS)

    def work(session: Session, caller: CallingService, now: datetime) -> Response:
        text = request.args.get("filter", "")
        size = min(max(count, 0), MOST_USERS)
        return _json(list_users(session, caller=caller, text=text, start=max(start, 1), count=size, base=_base()))

    return _enter(work)


@blueprint.post("/Users")
@limit("600 per minute")
def create() -> Response:
    """Link a person to the institution."""
    body = _body()

    def work(session: Session, caller: CallingService, now: datetime) -> Response:
        made = create_user(session, services=services(), caller=caller, body=body, now=now)
        response = _user(made, 201)
        response.headers["Location"] = f"{_base()}/Users/{made.id}"
        return response

    return _enter(work)


@blueprint.get("/Users/<user_id>")
@limit("600 per minute", methods=("GET",))
def user(user_id: str) -> Response:
    """Return one user."""
    return _enter(lambda session, caller, now: _user(read_user(session, caller=caller, user_id=user_id)))


@blueprint.route("/Users/<user_id>", methods=["PUT", "PATCH", "DELETE"])
@limit("600 per minute", methods=("PUT", "PATCH", "DELETE"))
def change(user_id: str) -> Response:
    """Change a user; deleting and deactivating is leaving."""
    gone = request.method == "DELETE"
    values: dict[str, Any] = {"active": False} if gone else _body()
    if request.method == "PATCH":
        values = patched_values(values)

    def work(session: Session, caller: CallingService, now: datetime) -> Response:
        changed = change_user(
            session,
            services=services(),
            caller=caller,
            user_id=user_id,
            values=values,
            if_match=request.headers.get("If-Match"),
            now=now,
        )
        return Response(status=204) if gone else _user(changed)

    return _enter(work)


def _enter(work: Callable[[Session, CallingService, datetime], Response]) -> Response:
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


def _user(belonging: Belonging, status: int = 200) -> Response:
    response = _json(user_document(belonging, base=_base()), status)
    response.headers["ETag"] = etag(belonging)
    return response


def _base() -> str:
    return f"{issuer()}{PATH}"


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True, force=True)
    if not isinstance(body, dict):
        raise Rejected("The request is a JSON object.", code="invalid_value")
    return body


def _number(name: str, default: int) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 8 else default


def _list(resources: list[dict[str, Any]]) -> Response:
    return _json(
        {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": len(resources),
            "Resources": resources,
        }
    )


def _problem(status: int, detail: str, kind: str | None) -> Response:
    document = {"schemas": [_ERROR], "status": str(status), "detail": detail}
    return _json(document | ({"scimType": kind} if kind else {}), status)


def _json(document: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(document, ensure_ascii=False), status, mimetype="application/scim+json")
