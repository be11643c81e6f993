"""Forgery of requests across sites: a token in every form, and the browser's own word on where a POST comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Flask, Response, request
from flask_wtf.csrf import CSRFError, CSRFProtect

from kernel.errors import Rejected
from web.error_pages import error_response
from web.refusals import report_refusal

Exemptable = TypeVar("Exemptable", bound=Blueprint | Callable[..., Any])

_TOKEN_LIFETIME_SECONDS = 12 * 3600
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_protect = CSRFProtect()


class ForgedRequestError(Rejected):
    """A form came without this browser's token, or from another site."""

    default_code = "csrf_failed"


def exempt(view: Exemptable) -> Exemptable:
    """Take a view or a blueprint out of the check: for endpoints whose caller is authenticated otherwise.

    Only for endpoints that never act on the authority of a cookie (``/token``, ``/pki/ocsp``, …).
    """
    _protect.exempt(view)
    return view


def init_csrf(app: Flask) -> None:
    """Demand a token on every POST, PUT, PATCH and DELETE of ``app`` that is not exempt."""
    app.config["WTF_CSRF_TIME_LIMIT"] = _TOKEN_LIFETIME_SECONDS
    # Our pages send no Referer (Referrer-Policy: no-referrer), so its check would refuse every form under https;
    # Sec-Fetch-Site says the same and cannot be stripped by a page.
    app.config["WTF_CSRF_SSL_STRICT"] = False
    app.before_request(_require_same_origin)
    _protect.init_app(app)
    app.register_error_handler(CSRFError, _token_failed)


def _require_same_origin() -> None:
    if request.method not in _UNSAFE or not request.endpoint or _protect._is_exempt():
        return
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in ("same-origin", "none"):
        report_refusal("csrf_failed", {"cause": "cross_site"})
        raise ForgedRequestError("This form was sent from another site.")


def _token_failed(_error: CSRFError) -> Response:
    report_refusal("csrf_failed", {"cause": "token"})
    return error_response(ForgedRequestError("The form has expired or was not ours."))
