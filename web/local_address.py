"""Addresses that stay on this service."""

from __future__ import annotations

from urllib.parse import quote

from flask import current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect


def local_path(candidate: str | None, *, default: str = "/") -> str:
    """Return ``candidate`` when following it stays on this service, else ``default``.

    Browsers read ``\\`` as ``/`` and drop tabs and line ends, so ``//evil``, ``/\\evil`` and ``/<tab>/evil`` all leave
    (WHATWG URL §4.4); anything but one leading slash followed by visible ASCII is refused.
    """
    if not candidate or not candidate.startswith("/") or candidate[1:2] in ("/", "\\"):
        return default
    if "\\" in candidate or any(not "!" <= letter <= "~" for letter in candidate):
        return default
    return candidate


def this_page_again(*, default: str = "/") -> str:
    """Return the path of this page if it can be opened with GET, else ``default``. The query is left out."""
    adapter = current_app.create_url_adapter(request)
    try:
        if adapter is not None:
            adapter.match(request.path, method="GET")
            return local_path(this_path(), default=default)
    except (HTTPException, RequestRedirect):
        return default
    return default


def this_path() -> str:
    """Return the path of this request, percent-encoded; its query may hold what must not be repeated."""
    return quote(request.path, safe="/:@!$&'()*+,;=~-._")
