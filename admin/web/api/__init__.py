"""The console's API over HTTP: a route for each declared operation, a door of its own, no cookie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, g, jsonify, request, session
from werkzeug.exceptions import HTTPException

from admin.api.description import describe_api
from admin.api.enter import enter
from admin.api.etags import etag_of, names
from admin.api.operation import Call, Caller, Document, Lines, Operation
from admin.api.operations import OPERATIONS, PREFIX
from admin.api.paging import Wanted, cursor_after, cut, wanted_page
from admin.api.scopes import scope_for
from admin.web.accessor import services
from admin.web.api.changing import change
from admin.web.api.refusals import refusal
from idp.protocol.sender import Sender
from idp.tokens.binding import current_nonce
from kernel.errors import Denied, Rejected, ServiceError
from web.api_answers import problem_of_http, shown_token
from web.csrf import exempt
from web.rate_limit import check_limit, limit

_RATE = "600 per minute"
_LONGEST = 200
blueprint = Blueprint("admin_api", __name__, url_prefix=PREFIX)
exempt(blueprint)  # no cookie is looked at


@blueprint.after_request
def _for_software(response: Response) -> Response:
    session.modified = False
    session.accessed = False  # last: every use of the name sets it
    response.headers["Cache-Control"] = "no-store"
    if request.headers.get("DPoP"):
        # RFC 9449 §8.2: with errors and with answers, so that a client always has one for its next proof.
        response.headers["DPoP-Nonce"] = current_nonce(services().idp, now=services().clock.now())
    return response


@blueprint.errorhandler(ServiceError)
def _refused(error: ServiceError) -> Response:
    return refusal(error)


@blueprint.errorhandler(HTTPException)
def _http_refused(error: HTTPException) -> Response:
    return problem_of_http(error)


@blueprint.get("/openapi.json")
@limit("120 per minute", methods=("GET",))
def description() -> Response:
    """What there is, for programs; open to anyone."""
    return jsonify(describe_api(OPERATIONS, issuer=services().settings.issuer, prefix=PREFIX))


def _answer(operation: Operation, path: dict[str, str]) -> Response:
    g.api_operation = operation
    caller = _enter(operation)
    check_limit(_RATE, "admin_api", caller.client_id)
    wanted = _asked(operation)
    if operation.changes:
        return change(operation, caller, path)
    database = services().database
    with database.transaction() if operation.recorded else database.reading() as opened:
        call = Call(
            services=services(),
            caller=caller,
            session=opened,
            now=services().clock.now(),
            wanted=wanted,
            path=path,
            query={name: request.args.get(name, "") for name in operation.filters},
        )
        document = _document(operation, operation.handler(call), wanted)
    etag = etag_of(document)
    known = request.headers.get("If-None-Match")
    response = Response(status=304) if known and names(known, etag, weakly=True) else jsonify(document)
    response.headers["ETag"] = etag
    return response


def _enter(operation: Operation) -> Caller:
    service = services()
    shown = shown_token(service.settings)
    sender = Sender(method=shown.method, url=shown.url, dpop=shown.dpop, certificate_der=shown.certificate_der)
    try:
        with service.database.transaction() as opened:
            return enter(
                opened,
                services=service,
                operation=operation,
                token=shown.token,
                scheme=shown.scheme,
                sender=sender,
                now=service.clock.now(),
            )
    except Denied as error:
        if error.code == "insufficient_scope":
            detail = f"The token needs the scope {scope_for(operation.permission)}."
            raise Denied(detail, code=error.code) from error
        raise


def _asked(operation: Operation) -> Wanted:
    known = {*operation.filters, *(("cursor", "limit") if operation.key else ())}
    for name, value in request.args.items():
        if name not in known or len(value) > (2 * _LONGEST if name == "cursor" else _LONGEST):
            raise Rejected(f"There is no such parameter, or it is too long: {name[:40]}.", code="bad_parameter")
    return wanted_page(cursor=request.args.get("cursor", ""), limit=request.args.get("limit", ""))


def _document(operation: Operation, found: Any, wanted: Wanted) -> dict[str, Any]:
    if not operation.key:
        one: dict[str, Any] = found.model_dump(mode="json")
        return one
    items: Sequence[Document]
    if isinstance(found, Lines):
        items, cursor = found.items, cursor_after(found.next_key) if found.next_key else ""
    else:
        items, cursor = cut(found, key=operation.key, wanted=wanted)
    return {"items": [each.model_dump(mode="json") for each in items], "next_cursor": cursor}


def _add(operation: Operation) -> None:
    def view(**path: str) -> Response:
        return _answer(operation, path)

    rule = operation.path.replace("{", "<").replace("}", ">")
    blueprint.add_url_rule(rule, operation.name, view, methods=(operation.method,))


for _each in OPERATIONS:
    _add(_each)
