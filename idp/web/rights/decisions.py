"""The decision API on HTTP (OpenID AuthZEN Authorization API 1.0): JSON in, JSON out, for applications by token."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.clients.client import Client
from idp.protocol.errors import BearerTokenError
from idp.rights.decisions.caller import enter
from idp.rights.decisions.decide import Decision, decide, decide_all
from idp.rights.decisions.question import Question, parse_batch, parse_question, parse_search
from idp.rights.decisions.record import is_worth_recording, record_decisions, refuse_caller
from idp.rights.decisions.search import page_of, search_actions, search_resources, search_subjects
from idp.web.access import services
from idp.web.rights.api_answers import challenge, finish, issuer, presented_token, token_status
from idp.web.sender import request_sender
from kernel.errors import Rejected
from web.json_body import json_body
from web.rate_limit import limit

blueprint = Blueprint("idp_decisions", __name__)
blueprint.after_request(finish)
_RATE = "6000 per minute"
_ENDPOINTS = {
    "access_evaluation_endpoint": "/access/v1/evaluation",
    "access_evaluations_endpoint": "/access/v1/evaluations",
    "search_subject_endpoint": "/access/v1/search/subject",
    "search_resource_endpoint": "/access/v1/search/resource",
    "search_action_endpoint": "/access/v1/search/action",
}
_Answer = tuple[dict[str, Any], list[Decision]]


@blueprint.errorhandler(Rejected)
def _rejected(error: Rejected) -> Response:
    # §10.1.2: the body of an error is its message.
    return Response(error.public_detail, 400, mimetype="text/plain")


@blueprint.get("/.well-known/authzen-configuration")
def configuration() -> Response:
    """Return what we say of ourselves as a policy decision point (§9)."""
    return _json(
        {
            "policy_decision_point": issuer(),
            **{name: f"{issuer()}{path}" for name, path in _ENDPOINTS.items()},
            "capabilities": [],
        }
    )


@blueprint.post("/access/v1/evaluation")
@limit(_RATE)
def evaluation() -> Response:
    """Answer one question (§6)."""
    question = parse_question(_body())

    def work(session: Session, client: Client, now: datetime) -> _Answer:
        decision = decide(session, services=services(), client=client, question=question, now=now)
        return decision.to_document(), [decision]

    return _answer(work)


@blueprint.post("/access/v1/evaluations")
@limit(_RATE)
def evaluations() -> Response:
    """Answer several questions (§7)."""
    asked = parse_batch(_body())

    def work(session: Session, client: Client, now: datetime) -> _Answer:
        if isinstance(asked, Question):
            decision = decide(session, services=services(), client=client, question=asked, now=now)
            return decision.to_document(), [decision]
        decisions = decide_all(session, services=services(), client=client, batch=asked, now=now)
        return {"evaluations": [each.to_document() for each in decisions]}, decisions

    return _answer(work)


@blueprint.post("/access/v1/search/subject")
@limit("120 per minute")
def search_subject() -> Response:
    """Answer who may (§8.4)."""
    return _search("subject", search_subjects)


@blueprint.post("/access/v1/search/resource")
@limit("600 per minute")
def search_resource() -> Response:
    """Answer where somebody may (§8.5)."""
    return _search("resource", search_resources)


@blueprint.post("/access/v1/search/action")
@limit("600 per minute")
def search_action() -> Response:
    """Answer what somebody may (§8.6)."""
    return _search("action", search_actions)


def _search(kind: str, search: Callable[..., list[dict[str, Any]]]) -> Response:
    asked, window = parse_search(_body(), open_member=kind)

    def work(session: Session, client: Client, now: datetime) -> _Answer:
        found = search(session, services=services(), client=client, asked=asked, now=now)
        event = Event(
            type=EventType.ACCESS_SEARCHED,
            actor=client.client_id,
            client_id=client.client_id,
            details={"kind": kind, "found": len(found)},
        )
        services().journal.record(session, event, now=now)
        return page_of(found, window), []

    return _answer(work, writing=True)


def _answer(work: Callable[[Session, Client, datetime], _Answer], *, writing: bool = False) -> Response:
    """Let the caller in, do the work, and put on record what is worth it before the answer leaves."""
    provider, (scheme, token) = services(), presented_token()
    now, sender = provider.clock.now(), request_sender()
    if not token:
        return _refused(None, scheme)
    # A proof is used up where it is shown: that is a change. A bearer's question changes nothing.
    opened: AbstractContextManager[Session] = (
        provider.database.transaction() if writing or sender.dpop else provider.database.reading()
    )
    try:
        with opened as session:
            client = enter(session, services=provider, token=token, scheme=scheme, sender=sender, now=now)
            document, decisions = work(session, client, now)
    except BearerTokenError as error:
        with provider.database.transaction() as session:
            refuse_caller(session, services=provider, reason=error.reason, now=now)
        return _refused(error, scheme)
    if is_worth_recording(decisions, now=now):
        with provider.database.transaction() as session:
            record_decisions(session, services=provider, client=client, decisions=decisions, now=now)
    return _json(document)


def _refused(error: BearerTokenError | None, scheme: str) -> Response:
    response = Response(
        error.public_detail if error else "Send an access token.", token_status(error), mimetype="text/plain"
    )
    response.headers.extend(challenge(error, scheme))
    return response


def _body() -> object:
    body = json_body()
    if body is None:
        raise Rejected("This cannot be asked: the request is a JSON object.", code="bad_question")
    return body


def _json(document: dict[str, Any]) -> Response:
    return Response(json.dumps(document, ensure_ascii=False), mimetype="application/json")
