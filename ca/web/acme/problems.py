"""Refusals as problem documents (RFC 8555 §6.7, RFC 7807), and the only place that knows their statuses."""

from __future__ import annotations

import json
import math
from datetime import timedelta

from flask import Response, request
from werkzeug.exceptions import HTTPException

from ca.acme.problem import AcmeProblem, Kind
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError, Throttled, Unavailable
from kernel.loop_call import elsewhere
from web.error_pages import error_response
from web.ready_answer import ReadyAnswer
from web.refusals import report_refusal

_STATUS = {
    Kind.ACCOUNT_CLOSED: 401,
    Kind.ALREADY_REPLACED: 409,
    Kind.CAA: 403,
    Kind.EXTERNAL_ACCOUNT_REQUIRED: 403,
    Kind.KEY_IN_USE: 409,
    Kind.NOT_FOUND: 404,
    Kind.ORDER_NOT_READY: 403,
    Kind.RATE_LIMITED: 429,
    Kind.REJECTED_IDENTIFIER: 403,
    Kind.SERVER_INTERNAL: 500,
    Kind.UNAUTHORIZED: 403,
    Kind.UNAVAILABLE: 503,
    Kind.WRONG_MEDIA_TYPE: 415,
}
_UNAVAILABLE_RETRY = timedelta(seconds=10)
# What a well-behaved client meets in the course of things is no refusal to put on record.
_ORDINARY = frozenset(
    {Kind.BAD_NONCE, Kind.ACCOUNT_DOES_NOT_EXIST, Kind.ORDER_NOT_READY, Kind.RATE_LIMITED, Kind.UNAVAILABLE}
)


def problem_response(error: ServiceError) -> Response:
    """Return the answer to ``error``. What no use case put on record is reported here, some of each network."""
    known = problem_answer(error, path=request.path)
    if known is None:
        # A mistake of ours: the error page's reference leads to the log, and only that is told.
        page = error_response(error)
        detail = "Something failed here; it was noted. Try again later."
        known = _answer(AcmeProblem(Kind.SERVER_INTERNAL, detail), page.status_code)
    return known.response()


def problem_answer(error: ServiceError, *, path: str) -> ReadyAnswer | None:
    """Return the answer to a refusal, reported as by :func:`problem_response`; None if it is a mistake of ours."""
    problem = error if isinstance(error, AcmeProblem) else _translated(error, path)
    if problem is None:
        return None
    if not problem.commits and problem.kind not in _ORDINARY:
        # By a connection of its own. Begun again in a thread, the request would count twice for its limits.
        code = problem.code
        try:
            elsewhere(lambda: report_refusal(code, {}))
        except Unavailable:  # no thread is free
            problem = AcmeProblem(Kind.UNAVAILABLE, "The service cannot do this now; try again.")
    return _answer(problem, _STATUS.get(problem.kind, 400))


def _answer(problem: AcmeProblem, status: int) -> ReadyAnswer:
    more = [("Location", problem.location)] if problem.location else []
    wait = problem.retry_after or (_UNAVAILABLE_RETRY if status == 503 else None)
    if wait is not None:
        more.append(("Retry-After", str(math.ceil(wait.total_seconds()))))
    body = json.dumps(problem.to_json() | {"status": status}).encode()
    return ReadyAnswer.made(status, "application/problem+json", body, more)


def http_problem(error: HTTPException) -> Response:
    """Return the answer to what Flask itself refuses: a body that is too large, a method that is not served."""
    status = error.code or 500
    problem = {"type": Kind.MALFORMED.urn, "detail": error.name, "status": status}
    response = Response(json.dumps(problem), status, mimetype="application/problem+json")
    if status == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response


def _translated(error: ServiceError, path: str) -> AcmeProblem | None:
    if isinstance(error, Throttled):
        problem = AcmeProblem(Kind.RATE_LIMITED, f"Too many requests to {path}; wait.", retry_after=error.retry_after)
    elif isinstance(error, Unavailable):
        problem = AcmeProblem(Kind.UNAVAILABLE, "The service cannot do this now; try again.")
    elif isinstance(error, Denied):
        problem = AcmeProblem(Kind.UNAUTHORIZED, error.public_detail, code=error.code)
    elif isinstance(error, NotFound | Conflict | Rejected):
        problem = AcmeProblem(Kind.MALFORMED, error.public_detail, code=error.code)
    else:
        return None
    problem.commits = error.commits
    return problem
