"""SCIM's groups (RFC 7644): the roles that the institution may give, and whom its personnel system put into them."""

from __future__ import annotations

from datetime import datetime

from flask import Response, request
from sqlalchemy.orm import Session

from idp.rights.provisioning.groups import (
    Group,
    change_members,
    group_document,
    list_groups,
    members_patched,
    members_put,
    read_group,
)
from idp.rights.provisioning.users import MOST_USERS
from idp.tokens.own_api import CallingService
from idp.web.access import services
from idp.web.rights.scim import as_json, base, blueprint, body_of_request, enter, number, problem
from web.rate_limit import limit


@blueprint.get("/Groups")
@limit("600 per minute", methods=("GET",))
def groups() -> Response:
    """Return the roles that the institution may give."""
    start, count = max(number("startIndex", 1), 1), min(max(number("count", MOST_USERS), 0), MOST_USERS)

    def work(session: Session, caller: CallingService, now: datetime) -> Response:
        return as_json(
            list_groups(
                session,
                caller=caller,
                text=request.args.get("filter", ""),
                start=start,
                count=count,
                without_members=_without_members(),
                base=base(),
                now=now,
            )
        )

    return enter(work)


@blueprint.get("/Groups/<group_id>")
@limit("600 per minute", methods=("GET",))
def group(group_id: str) -> Response:
    """Return one."""
    return enter(lambda session, caller, now: _group(read_group(session, caller=caller, group_id=group_id, now=now)))


@blueprint.route("/Groups/<group_id>", methods=["PUT", "PATCH"])
@limit("600 per minute", methods=("PUT", "PATCH"))
def change_group(group_id: str) -> Response:
    """Change who is in it."""
    body, read = body_of_request(), members_patched if request.method == "PATCH" else members_put

    def work(session: Session, caller: CallingService, now: datetime) -> Response:
        found = read_group(session, caller=caller, group_id=group_id, now=now)
        changed = change_members(
            session,
            services=services(),
            caller=caller,
            group=found,
            wanted=read(body, found),
            if_match=request.headers.get("If-Match"),
            now=now,
        )
        return _group(changed)

    return enter(work)


@blueprint.post("/Groups")
@blueprint.delete("/Groups/<group_id>")
@limit("600 per minute", methods=("POST", "DELETE"))
def declare_group(group_id: str = "") -> Response:
    """Say that a role is declared by its application, and made or ended by nobody else (RFC 7644 §3.12)."""
    return enter(lambda session, caller, now: problem(501, "Roles are declared by applications.", None))


@blueprint.route("/Bulk", methods=["POST"])
@blueprint.route("/Me", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@limit("600 per minute", methods=("GET", "POST", "PUT", "PATCH", "DELETE"))
def not_served() -> Response:
    """Say that it is not served (RFC 7644 §3.7, §3.11)."""
    return enter(lambda session, caller, now: problem(501, "This is not served here.", None))


def _group(group: Group) -> Response:
    response = as_json(group_document(group, base=base(), without_members=_without_members()))
    response.headers["ETag"] = group.etag
    return response


def _without_members() -> bool:
    return "members" in request.args.get("excludedAttributes", "").lower().split(",")
