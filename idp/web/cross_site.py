"""Protocol requests that a page of another site POSTs: browsers leave our cookies out of them."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from flask import redirect, request
from werkzeug.wrappers import Response


def comes_without_our_cookies() -> bool:
    """Tell whether a page of another site sent this POST: SameSite=Lax cookies stay behind (RFC 6265bis §5.6.7.1)."""
    return request.headers.get("Sec-Fetch-Site") == "cross-site"


def ask_again_with_get(pairs: Iterable[tuple[str, str]]) -> Response:
    """Send the browser to the same address with GET, where its cookies come along.

    Answered at once, the person would look logged out, and the cookies set in the answer would replace those of the
    logins under way. 303, so that nothing typed is sent again (RFC 9700 §4.12).
    """
    return redirect(f"{request.path}?{urlencode(list(pairs))}", 303)
