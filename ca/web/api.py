"""The API for systems of institutions: access tokens in, JSON out, refusals as problem details (RFC 9457)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request, session
from werkzeug.exceptions import HTTPException

from ca.api.caller import PREFIX, Scope, enter_api
from ca.api.description import api_description
from ca.api.requests import (
    PAGE_LIMIT,
    Page,
    fetch_chain,
    find_certificate,
    find_request,
    hold_own,
    list_certificates,
    list_requests,
    release_own,
    revoke_own,
    submit,
)
from ca.ports import ApiCaller, PresentedToken
from ca.web.services import services
from kernel.errors import Rejected, ServiceError
from web.api_answers import problem_of, problem_of_http, shown_token
from web.json_body import json_body
from web.rate_limit import limit

__all__ = ["PREFIX", "blueprint"]

blueprint = Blueprint("pki_api", __name__, url_prefix=PREFIX)


@blueprint.after_request
def _for_software(response: Response) -> Response:
    session.modified = False
    session.accessed = False  # last: every use of the name sets it
    response.headers["Cache-Control"] = "no-store"
    if request.headers.get("DPoP"):
        # RFC 9449 §8.2, §9: with errors and with answers, so that a client always has one for its next proof.
        response.headers["DPoP-Nonce"] = services().api_tokens.next_nonce(now=services().clock.now())
    return response


@blueprint.errorhandler(ServiceError)
def _refused(error: ServiceError) -> Response:
    return problem_of(error, realm="PKI")


@blueprint.errorhandler(HTTPException)
def _http_refused(error: HTTPException) -> Response:
    return problem_of_http(error)


@blueprint.get("/openapi.json")
def description() -> Response:
    """What there is, for programs."""
    return jsonify(api_description(services().settings.issuer))


@blueprint.get("/profiles")
@limit("120 per minute", methods=("GET",))
def profiles() -> Response:
    """Kinds of certificates that may be asked for here."""
    _enter(Scope.READ)
    return jsonify(
        items=[
            {
                "name": profile.name,
                "title": profile.title,
                "people": profile.people,
                "fields": [field.name for field in profile.inputs],
            }
            for profile in services().profiles.list()
            if profile.by_hand and profile.needs_institution
        ]
    )


@blueprint.get("/requests")
@limit("120 per minute", methods=("GET",))
def requests() -> Response:
    """The institution's requests, newest first."""
    caller = _enter(Scope.READ)
    return _page(list_requests(services(), caller, cursor=request.args.get("cursor", "")[:40], limit=_limit()))


@blueprint.post("/requests")
@limit("60 per minute")
def ask_for() -> Response:
    """Ask for a certificate: 201 with its chain, or 202 while two people decide."""
    caller = _enter(Scope.REQUEST)
    body = _json({"profile", "csr", "fields"})
    fields = body.get("fields", {})
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise Rejected("fields: an object of texts.", code="bad_json")
    asked = submit(
        services(),
        caller,
        profile=_text(body, "profile"),
        csr=_text(body, "csr"),
        inputs=fields,
        idempotency_key=request.headers.get("Idempotency-Key"),
        now=services().clock.now(),
    )
    done = asked.certificate
    response = jsonify(
        request=asked.request_id,
        status="issued" if done else "submitted",
        serial=done.serial if done else None,
        chain=done.chain_pem if done else None,
    )
    response.status_code = 201 if done else 202
    place = f"certificates/{done.serial}" if done else f"requests/{asked.request_id}"
    response.headers["Location"] = f"{PREFIX}/{place}"
    return response


@blueprint.get("/requests/<request_id>")
@limit("120 per minute", methods=("GET",))
def one_request(request_id: str) -> Response:
    """Where a request stands."""
    return jsonify(find_request(services(), _enter(Scope.READ), request_id))


@blueprint.get("/certificates")
@limit("120 per minute", methods=("GET",))
def certificates() -> Response:
    """The institution's certificates."""
    caller = _enter(Scope.READ)
    return _page(list_certificates(services(), caller, cursor=request.args.get("cursor", "")[:40], limit=_limit()))


@blueprint.get("/certificates/<serial>")
@limit("120 per minute", methods=("GET",))
def one_certificate(serial: str) -> Response:
    """One certificate."""
    return jsonify(find_certificate(services(), _enter(Scope.READ), serial))


@blueprint.get("/certificates/<serial>/chain")
@limit("120 per minute", methods=("GET",))
def chain(serial: str) -> Response:
    """It and the authorities' above it, without the root."""
    caller = _enter(Scope.READ)
    pem = fetch_chain(services(), caller, serial, now=services().clock.now())
    return Response(pem, mimetype="application/pem-certificate-chain")


@blueprint.post("/certificates/<serial>/revocation")
@limit("60 per minute")
def revocation(serial: str) -> Response:
    """Revoke it for good."""
    caller = _enter(Scope.REVOKE)
    body = _json({"reason", "compromised_at"})
    revoke_own(
        services(),
        caller,
        serial,
        reason=_text(body, "reason"),
        compromised_at=_time(body.get("compromised_at")),
        now=services().clock.now(),
    )
    return jsonify(find_certificate(services(), caller, serial))


@blueprint.post("/certificates/<serial>/hold")
@limit("60 per minute")
def hold(serial: str) -> Response:
    """Suspend it."""
    caller = _enter(Scope.REVOKE)
    hold_own(services(), caller, serial, now=services().clock.now())
    return jsonify(find_certificate(services(), caller, serial))


@blueprint.post("/certificates/<serial>/release")
@limit("60 per minute")
def release(serial: str) -> Response:
    """Take it up again."""
    caller = _enter(Scope.REVOKE)
    release_own(services(), caller, serial, now=services().clock.now())
    return jsonify(find_certificate(services(), caller, serial))


def _enter(scope: Scope) -> ApiCaller:
    shown = shown_token(services().settings)
    presented = PresentedToken(
        token=shown.token,
        scheme=shown.scheme,
        method=shown.method,
        url=shown.url,
        dpop=shown.dpop,
        certificate_der=shown.certificate_der,
    )
    return enter_api(services(), presented, scope=scope, now=services().clock.now())


def _json(known: set[str]) -> dict[str, Any]:
    body = json_body()
    if not isinstance(body, dict) or set(body) - known:
        raise Rejected(f"Send a JSON object with {', '.join(sorted(known))}.", code="bad_json")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Rejected(f"{name}: a text.", code="bad_json")
    return value


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        parsed = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise Rejected("compromised_at: a time of ISO 8601.", code="bad_json") from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _limit() -> int:
    return min(max(request.args.get("limit", 50, type=int), 1), PAGE_LIMIT)


def _page(page: Page) -> Response:
    return jsonify(items=list(page.items), next_cursor=page.next_cursor)
