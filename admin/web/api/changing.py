"""A change by the API: its body judged, its key claimed, its precondition asked, done in one transaction."""

from __future__ import annotations

import json
from typing import Any

import structlog
from flask import Response, jsonify, request

from admin.api.body import parse_body
from admin.api.etags import etag_of, names
from admin.api.idempotency import Claim, Kept, claim_key, finish, give_back, key_of, settle
from admin.api.operation import Before, Call, Caller, Document, Done, Operation
from admin.api.paging import Wanted
from admin.web.accessor import services
from kernel.errors import Conflict, Rejected, ServiceError
from kernel.identifiers import sha256_hex

_log = structlog.get_logger("admin.api")
_TYPES = ("application/json", "application/merge-patch+json")


def change(operation: Operation, caller: Caller, path: dict[str, str]) -> Response:
    """Do what was asked, once for each ``Idempotency-Key``, and answer with what came of it."""
    body, text = _body(operation)
    typed = request.headers.get("Idempotency-Key")
    if typed is None:
        return _answer(operation, _settled(operation, caller, body, _work(operation, caller, path, body, None)))
    key_id = key_of(caller, typed)
    call_sha256 = sha256_hex("\0".join((operation.name, *(f"{name}={path[name]}" for name in sorted(path)), text)))
    service = services()
    with service.database.transaction() as session:
        held = claim_key(session, services=service, key_id=key_id, call_sha256=call_sha256, now=service.clock.now())
    if isinstance(held, Kept):
        document = held.document if held.settled else _go_on(operation, caller, body, key_id, held.document)
        response = _answer(operation, document)
        response.headers["Idempotency-Replayed"] = "true"
        return response
    try:
        document = _work(operation, caller, path, body, held)
    except BaseException:
        _let_go(held)
        raise
    return _answer(operation, _go_on(operation, caller, body, key_id, document) if operation.after else document)


def _work(
    operation: Operation, caller: Caller, path: dict[str, str], body: Document, claim: Claim | None
) -> dict[str, Any]:
    """The state, its event and the answer that is kept: one transaction."""
    service = services()
    prepared = operation.prepare(Before(service, caller, path, body)) if operation.prepare else None
    with service.database.transaction() as session:
        call = Call(
            services=service,
            caller=caller,
            session=session,
            now=service.clock.now(),
            wanted=Wanted("", 0),
            path=path,
            body=body,
            prepared=prepared,
        )
        if operation.lock:
            operation.lock(call)
        _require_match(operation, call)
        document = _json(operation.handler(call))
        if claim is not None:
            finish(session, claim, services=service, document=document, settled=operation.after is None, now=call.now)
    return document


def _go_on(
    operation: Operation, caller: Caller, body: Document, key_id: str, document: dict[str, Any]
) -> dict[str, Any]:
    """Do what follows the commit, also for a repetition after a crash: it is safe to repeat."""
    now_document = _settled(operation, caller, body, document)
    if operation.after:
        service = services()
        with service.database.transaction() as session:
            settle(session, key_id, services=service, document=now_document)
    return now_document


def _settled(operation: Operation, caller: Caller, body: Document, document: dict[str, Any]) -> dict[str, Any]:
    if operation.after is None:
        return document
    done = Done(
        services=services(),
        caller=caller,
        now=services().clock.now(),
        body=body,
        document=operation.item.model_validate_json(json.dumps(document)),
    )
    return _json(operation.after(done))


def _let_go(claim: Claim) -> None:
    try:
        with services().database.transaction() as session:
            give_back(session, claim)
    except ServiceError as error:  # the claim ends by itself
        _log.warning("claim_kept", code=error.code)


def _require_match(operation: Operation, call: Call) -> None:
    """:raises Rejected: ``precondition_required``. :raises Conflict: (``precondition_failed``) it changed meanwhile."""
    told = request.headers.get("If-Match")
    if operation.shown_by is None:
        return
    if told is None:
        if operation.needs_match:
            raise Rejected("Send If-Match with the ETag of what you saw.", code="precondition_required")
        return
    if not names(told, etag_of(_json(operation.shown_by(call))), weakly=False):
        raise Conflict("It is not what you saw any more: read it again.", code="precondition_failed")


def _body(operation: Operation) -> tuple[Document, str]:
    octets = request.get_data(cache=False)
    # A form's octets may be read by now: its type tells.
    if (octets or request.mimetype) and request.mimetype not in _TYPES:
        raise Rejected("Send application/json.", code="unsupported_media_type")
    if len(octets) > operation.most_octets:
        raise Rejected(f"A body here has {operation.most_octets} octets at most.", code="body_too_large")
    return parse_body(octets, operation.body)


def _answer(operation: Operation, document: dict[str, Any]) -> Response:
    response = jsonify(document)
    response.status_code = operation.status
    response.headers["ETag"] = etag_of(document)
    return response


def _json(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = document.model_dump(mode="json")
    return found
