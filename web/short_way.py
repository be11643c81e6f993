"""The short way: the few endpoints that are called most, answered before Flask sets out.

A view of the short way does what the Flask view of the same address does, by the same functions: it takes what is
asked, has it answered, and gives a response. What is around a view (request id and origin, security headers, metrics,
the log) is the same too. Everything that is not plain goes the long way: another host, another site's script, a client
certificate, a body that is no small form, whatever the view itself will not decide.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.sansio.http import parse_cookie

from kernel.settings import Settings
from web.client_certificate import NGINX_HEADER, RFC_9440_HEADER
from web.ready_answer import ReadyAnswer as ReadyAnswer
from web.request_bounds import MAX_HEADER_OCTETS, MAX_HEADERS, check_bounds

FORM = "application/x-www-form-urlencoded"
_MOST_BODY = 64 * 1024


class ShortRequest(NamedTuple):
    """A plain request.

    :ivar path: as WSGI gives it, decoded once.
    :ivar octets: the body of a POST, of one of the media types that its way takes; else empty.
    """

    environ: dict[str, Any]
    method: str
    path: str
    octets: bytes = b""

    @property
    def query(self) -> list[tuple[str, str]]:
        """The pairs of the query, repetitions included, as Flask reads them."""
        return _pairs(str(self.environ.get("QUERY_STRING", "")))

    @property
    def form(self) -> list[tuple[str, str]]:
        """The pairs of the body, which is a form, repetitions included, as Flask reads them."""
        return _pairs(self.octets.decode("ascii"))

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies."""
        return parse_cookie(str(self.environ.get("HTTP_COOKIE", "")))

    def header(self, name: str) -> str | None:
        """Return a header's value, None without it."""
        return self.environ.get(f"HTTP_{name.upper().replace('-', '_')}")


#: Answers, or returns None for the long way. What it has done so far must then be as if it had not been. There is no
#: request of Flask's around it, and no ``g``.
ShortView = Callable[[ShortRequest], ReadyAnswer | None]
#: Gives a document that is the same for everybody, if it is at hand: whoever gives it asks and waits for nothing.
AtHand = Callable[[], ReadyAnswer | None]
_UNUSUAL = ("HTTP_ORIGIN", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", RFC_9440_HEADER, NGINX_HEADER)
_UNUSUAL_NAMES = frozenset(name.removeprefix("HTTP_").replace("_", "-").lower() for name in _UNUSUAL) | {
    "content-length"
}
_NO_BODY = ("content-length", "0")
_TOLD = frozenset({"host", "user-agent", "x-forwarded-for"})


@dataclass(frozen=True)
class ShortWay:
    """A view and what it takes.

    :ivar endpoint: its name in logs and metrics: that of the Flask view.
    :ivar media_types: of bodies, in lower case; a form must be plain ASCII besides.
    :ivar most_octets: of a body. What is larger goes the long way, as does what says no length.
    :ivar any_host: the answer depends on no host and no cookie, see :func:`web.state.accept_any_host`.
    :ivar at_hand: of a document that depends on nothing of the request; what it gives is what ``view`` would.
    """

    endpoint: str
    view: ShortView
    media_types: tuple[str, ...] = (FORM,)
    most_octets: int = _MOST_BODY
    any_host: bool = False
    at_hand: AtHand | None = None

    def takes(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether the body, by what is said of it, is one that this way reads."""
        length = str(environ.get("CONTENT_LENGTH") or "")
        media_type = str(environ.get("CONTENT_TYPE", ""))
        if media_type not in self.media_types:
            media_type = media_type.split(";")[0].strip().lower()
        known = media_type in self.media_types and length.isascii() and length.isdecimal()
        return known and int(length) <= self.most_octets


class PlainDocument(NamedTuple):
    """A document that was asked for in the plainest manner.

    :ivar agent: what the caller calls itself. :ivar forwarded_for: what proxies wrote, as PEP 3333 joins it.
    """

    way: ShortWay
    agent: str
    forwarded_for: str | None


class ShortWays:
    """The short ways of one application, by method and path."""

    def __init__(self, settings: Settings) -> None:
        self.open = True
        self._host = urlsplit(settings.issuer).netloc.lower()
        self._mtls_host = urlsplit(settings.mtls_origin).netloc.lower()
        self._ways: dict[tuple[str, str], ShortWay] = {}
        self._below: dict[str, list[tuple[str, str, ShortWay]]] = {}

    def add(self, method: str, path: str, way: ShortWay) -> None:
        """Answer ``method`` ``path`` by ``way`` where the request is plain."""
        self._ways[method, path] = way

    def add_below(self, method: str, prefix: str, way: ShortWay, *, ending: str = "") -> None:
        """Answer ``method`` on every path that goes on after ``prefix``, unless it has a way of its own.

        :param ending: what it ends with. Of several ways the one counts that was added first.
        """
        self._below.setdefault(method, []).append((prefix, ending, way))

    def find(self, environ: Mapping[str, Any]) -> ShortWay | None:
        """Return the short way of this request, None if it has to go the long way."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        way = self._ways.get((method, path)) or self._find_below(method, path)
        if way is None or not self.open or not self._is_host_of(way, environ.get("HTTP_HOST", "").lower()):
            return None
        return None if _is_unusual(environ) or not _within_bounds(environ) else way

    def find_document(self, method: str, path: str, headers: Iterable[tuple[str, str]]) -> PlainDocument | None:
        """Return which document is asked for in the plainest manner, None for every other request.

        :param headers: names in lower case, and values.
        """
        way = self._ways.get((method, path))
        if way is None or way.at_hand is None or not self.open:
            return None
        told: dict[str, str] = {}
        number = octets = 0
        for name, value in headers:
            if (name in _UNUSUAL_NAMES or "_" in name) and (name, value) != _NO_BODY:
                return None
            number += 1
            octets += len(name) + len(value)
            if name in _TOLD:
                told[name] = f"{told[name]},{value}" if name in told else value
        if number > MAX_HEADERS or octets > MAX_HEADER_OCTETS - number * len("HTTP_"):
            return None
        if not self._is_host_of(way, told.get("host", "").lower()):
            return None
        return PlainDocument(way, told.get("user-agent", ""), told.get("x-forwarded-for"))

    def answer(self, way: ShortWay, environ: dict[str, Any]) -> ReadyAnswer | None:
        """Return the view's answer, None if the request has to go the long way after all."""
        method, octets = environ["REQUEST_METHOD"], b""
        if method == "POST":
            read = _read_body(environ, way)
            if read is None:
                return None
            octets = read
        return way.view(ShortRequest(environ, method, environ["PATH_INFO"], octets))

    def _find_below(self, method: str, path: str) -> ShortWay | None:
        for prefix, ending, way in self._below.get(method, ()):
            if path.startswith(prefix) and path.endswith(ending) and len(path) > len(prefix) + len(ending):
                return way
        return None

    def _is_host_of(self, way: ShortWay, host: str) -> bool:
        # The host of mutual TLS has its own list of paths, which is Flask's affair.
        return host == self._host or (way.any_host and host != self._mtls_host)


def _is_unusual(environ: Mapping[str, Any]) -> bool:
    """Tell whether the answer depends on something that a short view does not look at."""
    return any(name in environ for name in _UNUSUAL)


def _within_bounds(environ: Mapping[str, Any]) -> bool:
    try:
        check_bounds(environ)
    except HTTPException:
        return False
    return True


def _read_body(environ: dict[str, Any], way: ShortWay) -> bytes | None:
    """Return the body if ``way`` takes it; it can be read again, by whoever goes the long way."""
    if not way.takes(environ):
        return None
    length = int(environ["CONTENT_LENGTH"])
    octets: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(octets)
    if len(octets) != length:
        return None  # the connection ended: half a request is none
    plain = FORM not in way.media_types or (octets.isascii() and b"\0" not in octets and b"%00" not in octets)
    return octets if plain else None


def _pairs(encoded: str) -> list[tuple[str, str]]:
    """Return the pairs as Werkzeug reads them."""
    parts = [part.partition("=") for part in encoded.split("&") if part]
    if "%" not in encoded and "+" not in encoded:
        return [(name, value) for name, _, value in parts]
    return [(_decoded(name), _decoded(value)) for name, _, value in parts]


def _decoded(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    # The error handler is Werkzeug's, which keeps octets that are no UTF-8 as they came.
    return unquote(text.replace("+", " "), errors="werkzeug.url_quote")
