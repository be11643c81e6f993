"""The short way: the few endpoints that are called most, answered before Flask sets out.

A view of the short way does what the Flask view of the same address does, by the same functions: it takes what is
asked, has it answered, and gives a response. What is around a view (request id and origin, security headers, metrics,
the log) is the same too. Everything that is not plain goes the long way: another host, another site's script, a client
certificate, a body that is no small form, whatever the view itself will not decide.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from flask import Response, g
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_cookie
from werkzeug.wrappers import Response as WerkzeugResponse

from kernel.settings import Settings
from web.client_certificate import NGINX_HEADER, RFC_9440_HEADER
from web.request_bounds import check_bounds

FORM = "application/x-www-form-urlencoded"
_MOST_BODY = 64 * 1024
# What an answer depends on beyond what a short view looks at.
_UNUSUAL = ("HTTP_ORIGIN", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", RFC_9440_HEADER, NGINX_HEADER)


@dataclass(frozen=True)
class ShortRequest:
    """A plain request.

    :ivar body: of a POST, else empty.
    """

    environ: dict[str, Any]
    method: str
    path: str
    body: str

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """The pairs of the query, repetitions included, as Flask reads them."""
        return _pairs(str(self.environ.get("QUERY_STRING", "")))

    @cached_property
    def form(self) -> list[tuple[str, str]]:
        """The pairs of the body, repetitions included, as Flask reads them."""
        return _pairs(self.body)

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """The cookies."""
        return parse_cookie(str(self.environ.get("HTTP_COOKIE", "")))

    def header(self, name: str) -> str | None:
        """Return a header's value, None without it."""
        return self.environ.get(f"HTTP_{name.upper().replace('-', '_')}")


class ReadyAnswer(NamedTuple):
    """An answer as WSGI wants it, the headers that every answer carries not yet among its own."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @classmethod
    def of(cls, response: Response | WerkzeugResponse) -> Self:
        """Return what ``response`` sends."""
        body = response.get_data()
        headers = [each for each in response.headers if each[0] != "Content-Length"]
        return cls(response.status, [*headers, ("Content-Length", str(len(body)))], body)


Answer = Response | WerkzeugResponse | ReadyAnswer
#: Answers, or returns None for the long way. What it has done so far must then be as if it had not been.
ShortView = Callable[[ShortRequest], Answer | None]


@dataclass(frozen=True)
class ShortWay:
    """A view and the name of its endpoint in logs and metrics: that of the Flask view."""

    endpoint: str
    view: ShortView


class ShortWays:
    """The short ways of one application, by method and path."""

    def __init__(self, settings: Settings) -> None:
        self.open = True
        self._host = urlsplit(settings.issuer).netloc.lower()
        self._ways: dict[tuple[str, str], ShortWay] = {}

    def add(self, method: str, path: str, *, endpoint: str, view: ShortView) -> None:
        """Answer ``method`` ``path`` by ``view`` where the request is plain."""
        self._ways[method, path] = ShortWay(endpoint, view)

    def find(self, environ: Mapping[str, Any]) -> ShortWay | None:
        """Return the short way of this request, None if it has to go the long way."""
        way = self._ways.get((str(environ.get("REQUEST_METHOD")), str(environ.get("PATH_INFO"))))
        if way is None or not self.open or str(environ.get("HTTP_HOST", "")).lower() != self._host:
            return None
        return None if any(name in environ for name in _UNUSUAL) or not _within_bounds(environ) else way

    def answer(self, way: ShortWay, environ: dict[str, Any]) -> Answer | None:
        """Return the view's answer, None if the request has to go the long way after all."""
        method, body = str(environ["REQUEST_METHOD"]), ""
        if method == "POST":
            octets = _read_form(environ)
            if octets is None:
                return None
            body = octets.decode("ascii")
        g.short_way = (way.endpoint, method)
        return way.view(ShortRequest(environ, method, str(environ["PATH_INFO"]), body))


def _within_bounds(environ: Mapping[str, Any]) -> bool:
    try:
        check_bounds(environ)
    except HTTPException:
        return False
    return True


def _read_form(environ: dict[str, Any]) -> bytes | None:
    """Return the body if it is a small form of plain ASCII; it can be read again, by whoever goes the long way."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    media_type = str(environ.get("CONTENT_TYPE", "")).split(";")[0].strip().lower()
    if media_type != FORM or not length.isdecimal() or int(length) > _MOST_BODY:
        return None
    octets: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(octets)
    if len(octets) != int(length):
        return None  # the connection ended: half a request is none
    return octets if octets.isascii() and b"\0" not in octets and b"%00" not in octets else None


def _pairs(encoded: str) -> list[tuple[str, str]]:
    # The error handler is Werkzeug's, which keeps octets that are no UTF-8 as they came.
    return parse_qsl(encoded, keep_blank_values=True, errors="werkzeug.url_quote")
