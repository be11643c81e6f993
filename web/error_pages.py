"""Errors to answers: a page for people, problem details (RFC 9457) for programs; a reference ties each to the log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from flask import Flask, Response, g, json, render_template, request
from flask_babel import format_timedelta, gettext
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as WerkzeugResponse

from kernel.errors import Conflict, Fault, Rejected, ServiceError, Throttled, Unavailable
from kernel.identifiers import new_reference
from kernel.origin import current_origin
from web.client_certificate import on_mtls_host
from web.error_texts import STATUSES, ErrorText, Text, family_of, text_of
from web.local_address import this_page_again
from web.state import web_state

_log = structlog.get_logger("web.errors")
_LAYOUT = "layout/citizen.html"
_UNAVAILABLE_RETRY = timedelta(seconds=10)


@dataclass(frozen=True)
class WayOn:
    """A link out of the error. ``href`` is a local path, or an address that the caller has verified."""

    label: Text
    href: str


def init_error_pages(app: Flask) -> None:
    """Answer every error of ``app`` from one table."""
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unmapped_error)


def offer_way_on(label: Text, href: str) -> None:
    """Offer a link (back to the relying application, start again) on the error page this request may end in.

    The first one offered becomes the main button.
    """
    g.setdefault("ways_on", []).append(WayOn(label, href))


def lay_out_errors(app: Flask, *, prefix: str, layout: str) -> None:
    """Show errors at and below the path ``prefix`` in the template ``layout``, so that a house keeps its own frame.

    ``prefix`` is also the start that those pages lead back to.
    """
    web_state(app).error_layouts[prefix] = layout


def error_response(
    error: ServiceError, *, ways_on: Sequence[WayOn] = (), template: str = "web/error.html", **context: object
) -> Response:
    """Return the answer to ``error``, with a new reference under which the cause stands in the log.

    :param ways_on: links out, the main one first; default: those offered, this page again where that helps, the start.
    :param template: a page that extends ``web/error.html``, when a house has more to say.
    """
    family = family_of(error)
    reference = new_reference()
    _log_error(error, status=family.status, code=error.code, reference=reference)
    retry_after = _retry_after(error)
    # A fault's own words are for the log, never for the reader.
    detail = "" if isinstance(error, Fault) or family.status >= 500 else error.public_detail
    response = _answer(
        status=family.status,
        code=error.code,
        text=text_of(error),
        detail=detail,
        reference=reference,
        retry_after=retry_after,
        ways_on=ways_on or _ways_on(error),
        template=template,
        context=context,
    )
    if retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(retry_after.total_seconds()))
    return response


def wants_json() -> bool:
    """Tell whether the client asks for JSON before HTML."""
    accepted = request.accept_mimetypes
    best = accepted.best_match(["text/html", "application/json", "application/problem+json"], default="text/html")
    return best != "text/html" and accepted[best] > accepted["text/html"]


def _service_error(error: ServiceError) -> Response:
    return error_response(error)


def _unmapped_error(error: Exception) -> Response:
    fault = Fault(code="internal_error")
    fault.__cause__ = error
    return error_response(fault)


def _http_error(error: HTTPException) -> Response | WerkzeugResponse | HTTPException:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error
    if status >= 500 and status != 503:
        return _unmapped_error(error)
    reference = new_reference()
    code = error.name.lower().replace(" ", "_").replace("-", "_")
    _log.info("request_refused", reference=reference, status=status, code=code)
    response = _answer(
        status=status,
        code=code,
        text=STATUSES.get(status, STATUSES[400]),
        detail="",
        reference=reference,
        retry_after=None,
        ways_on=_ways_on(None),
        template="web/error.html",
        context={},
    )
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _answer(
    *,
    status: int,
    code: str,
    text: ErrorText,
    detail: str,
    reference: str,
    retry_after: timedelta | None,
    ways_on: Sequence[WayOn],
    template: str,
    context: dict[str, object],
) -> Response:
    if wants_json():
        return _problem(status=status, code=code, text=text, detail=detail, reference=reference)
    try:
        body = render_template(
            template,
            error_status=status,
            error_code=code,
            error_text=text,
            reference=reference,
            wait=format_timedelta(retry_after, granularity="second", threshold=1.4) if retry_after else "",
            ways_on=ways_on,
            error_layout=web_state().error_layouts.get(_house(), _LAYOUT),
            happened_at=web_state().clock.now(),
            **context,
        )
    except Exception:
        _log.exception("error_page_failed", reference=reference)
        return Response(f"SAU: error {status}. Ref. {reference}\n", status, mimetype="text/plain")
    return Response(body, status, mimetype="text/html")


def _house() -> str:
    """Return the prefix of the house with a frame of its own that this request went to, or nothing."""
    for prefix in web_state().error_layouts:
        if request.path == prefix or request.path.startswith(f"{prefix}/"):
            return prefix
    return ""


def _problem(*, status: int, code: str, text: ErrorText, detail: str, reference: str) -> Response:
    problem = {
        "type": f"urn:sau:error:{code}",
        "title": str(text.title),
        "status": status,
        "detail": detail or str(text.happened),
        "instance": f"urn:sau:reference:{reference}",
        "code": code,
        "reference": reference,
        "request_id": current_origin().request_id,
    }
    return Response(json.dumps(problem), status, mimetype="application/problem+json")


def _ways_on(error: ServiceError | None) -> list[WayOn]:
    ways: list[WayOn] = list(g.get("ways_on", []))
    if (
        isinstance(error, Throttled | Unavailable | Fault)
        # Where the view knows a better way, the same page would only say the same again.
        or (isinstance(error, Conflict) and not ways)
        or (isinstance(error, Rejected) and error.code == "csrf_failed")
    ):
        again = this_page_again(default="")
        if again:
            ways.append(WayOn(gettext("Abrir la página otra vez"), again))
    start = _house() or "/"
    if request.host.lower() not in web_state().hosts or on_mtls_host(request.environ, web_state().settings):
        start = web_state().settings.issuer
    if not ways or start != ways[-1].href:
        ways.append(WayOn(gettext("Ir al inicio"), start))
    return ways


def _retry_after(error: ServiceError) -> timedelta | None:
    if isinstance(error, Throttled):
        return max(error.retry_after, timedelta(seconds=1))
    return _UNAVAILABLE_RETRY if isinstance(error, Unavailable) else None


def _log_error(error: ServiceError, *, status: int, code: str, reference: str) -> None:
    if status < 500:
        _log.info("request_refused", reference=reference, status=status, code=code)
        return
    _log.error(
        "request_failed",
        reference=reference,
        status=status,
        code=code,
        detail=error.public_detail,
        exc_info=error.__cause__ or error,
    )
