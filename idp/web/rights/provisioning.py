"""SCIM's users (RFC 7644): who works at the institution, as its personnel system says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from idp.rights.belonging import Belonging
from idp.rights.provisioning.users import (
    MOST_USERS,
    change_user,
    create_user,
    etag,
    list_users,
    patched_values,
    read_user,
    user_document,
)
from idp.tokens.own_api import CallingService
from idp.web.access import services
from idp.web.rights.scim import as_json, base, blueprint, body_of_request, enter, number
from web.rate_limit import limit


@blueprint.get("/Users")
@limit("600 per minute", methods=("GET",))
def users() -> Response:
    """Return the institution's users."""
    start, count = number("startIndex", 1), number("count", MOST_USERS)

    def work(session: Session, caller: CallingService, now: datetime) -> Response:
        text = request.args.get("filter", "")
        size = min(max(count, 0), MOST_USERS)
        return as_json(list_users(session, caller=caller, text=text, start=max(start, 1), count=size, base=base()))

    return enter(work)


@blueprint.post("/Users")
@limit("600 per minute")
def create() -> Response:
    """Link a person to the institution."""
    body = body_of_request()

    def work(session: Session, caller: CallingService, now: datetime) -> Response:
        made = create_user(session, services=services(), caller=caller, body=body, now=now)
        response = _user(made, 201)
        response.headers["Location"] = f"{base()}/Users/{made.id}"
        return response

    return enter(work)


@blueprint.get("/Users/<user_id>")
@limit("600 per minute", methods=("GET",))
def user(user_id: str) -> Response:
    """Return one user."""
    return enter(lambda session, caller, now: _user(read_user(session, caller=caller, user_id=user_id)))


@blueprint.route("/Users/<user_id>", methods=["PUT", "PATCH", "DELETE"])
@limit("600 per minute", methods=("PUT", "PATCH", "DELETE"))
def change(user_id: str) -> Response:
    """Change a user; deleting and deactivating is leaving."""
    gone = request.method == "DELETE"
    values: dict[str, Any] = {"active": False} if gone else body_of_request()
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

    return enter(work)


def _user(belonging: Belonging, status: int = 200) -> Response:
    response = as_json(user_document(belonging, base=base()), status)
    response.headers["ETag"] = etag(belonging)
    return response
