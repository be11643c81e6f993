"""Refusals of the console's API: problem details (RFC 9457) that name the members that are wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping

from flask import Response, g, request

from admin.api.body import BadBodyError
from admin.api.enter import LoginNeededError
from admin.api.idempotency import KeyInUseError
from admin.api.operation import Operation
from admin.sign_in import REQUIRED_ACR
from kernel.errors import Rejected, ServiceError
from web.api_answers import problem_of

REALM = "SAU"
#: Statuses that are not those of the error's family.
_STATUSES: Mapping[str, int] = {
    "insufficient_user_authentication": 401,
    "precondition_failed": 412,
    "precondition_required": 428,  # RFC 6585 §3
    "unsupported_media_type": 415,
    "body_too_large": 413,
}
# What is wrong with the form of a request, and not with what its body says.
_OF_THE_FORM = frozenset({"bad_json", "bad_idempotency_key", "bad_parameter"})


def refusal(error: ServiceError) -> Response:
    """Return the problem document of a refusal."""
    operation: Operation | None = g.get("api_operation")
    status = _STATUSES.get(error.code)
    if operation is not None and operation.changes and status is None and isinstance(error, Rejected):
        status = None if error.code in _OF_THE_FORM else 422
    told = _errors(error, operation)
    response = problem_of(error, realm=REALM, status=status, **({"errors": told} if told else {}))
    if isinstance(error, LoginNeededError):
        # RFC 9470 §3
        response.headers["WWW-Authenticate"] = (
            f'Bearer realm="{REALM}", error="{error.code}", acr_values="{REQUIRED_ACR}", '
            f'max_age="{int(error.max_age.total_seconds())}"'
        )
    if isinstance(error, KeyInUseError):
        response.headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    return response


def _errors(error: ServiceError, operation: Operation | None) -> list[dict[str, str]]:
    if isinstance(error, BadBodyError):
        return error.errors
    if operation is None or error.code not in operation.fields or request.method == "GET":
        return []
    return [{"pointer": f"#/{operation.fields[error.code]}", "detail": error.public_detail or error.code}]
