"""An answer as WSGI wants it, made without an object for each of its parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from http import HTTPStatus
from typing import NamedTuple, Self

from flask import Response
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as WerkzeugResponse

_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")  # RFC 3986 §2
_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class ReadyAnswer(NamedTuple):
    """An answer, the headers that every answer carries not yet among its own.

    :ivar headers: its own, ``Content-Length`` included; never those of another answer, for more may be added.
    """

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @classmethod
    def made(cls, status: int, media_type: str, body: bytes, more: Sequence[tuple[str, str]] = ()) -> Self:
        """Return the answer with ``body`` and, beside its type and length, the headers ``more``."""
        return cls(_LINES[status], [("Content-Type", media_type), ("Content-Length", str(len(body))), *more], body)

    @classmethod
    def of(cls, response: Response | WerkzeugResponse) -> Self:
        """Return what ``response`` sends."""
        body = response.get_data()
        headers = [each for each in response.headers if each[0] != "Content-Length"]
        return cls(response.status, [*headers, ("Content-Length", str(len(body)))], body)

    def response(self) -> Response:
        """Return the same for Flask."""
        return Response(self.body, int(self.status[:3]), self.headers)


def see_other(location: str) -> ReadyAnswer:
    """Return the answer that sends a browser to ``location``, to ask for it with GET (RFC 9110 §15.4.4)."""
    if _URI.fullmatch(location) is None:
        location = iri_to_uri(location)
    link = escape(location)
    body = f'<!doctype html>\n<html lang=es>\n<title>SAU</title>\n<p><a href="{link}">{link}</a>\n'
    return ReadyAnswer.made(303, "text/html; charset=utf-8", body.encode(), (("Location", location),))
