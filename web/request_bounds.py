"""Bounds on what a request may carry, checked before any view runs."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, RequestHeaderFieldsTooLarge, RequestURITooLarge

from kernel.errors import Rejected

MAX_BODY = 1024 * 1024
MAX_FORM_MEMORY = 512 * 1024
MAX_HEADERS = 100
MAX_HEADER_OCTETS = 32 * 1024
MAX_QUERY_OCTETS = 16 * 1024
MAX_PATH_OCTETS = 2 * 1024
MAX_PARAMETERS = 200


class RepeatedParameterError(Rejected):
    """A parameter stands more than once (RFC 6749 §3.1: parameters must not be included more than once)."""

    default_code = "repeated_parameter"


def check_bounds(environ: Mapping[str, Any]) -> None:
    """Refuse a request whose line, headers or number of parameters are beyond all use.

    :param environ: the WSGI environment.
    :raises RequestURITooLarge: (414) path over 2 KiB or query over 16 KiB.
    :raises RequestHeaderFieldsTooLarge: (431) more than 100 headers, or 32 KiB of them.
    :raises BadRequest: (400) more than 200 query parameters, or a NUL in path or query.
    """
    query = str(environ.get("QUERY_STRING", ""))
    if len(query) > MAX_QUERY_OCTETS or len(str(environ.get("PATH_INFO", ""))) > MAX_PATH_OCTETS:
        raise RequestURITooLarge
    number = octets = 0
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            number += 1
            octets += len(name) + len(value)
    if number > MAX_HEADERS or octets > MAX_HEADER_OCTETS:
        raise RequestHeaderFieldsTooLarge
    if query.count("&") >= MAX_PARAMETERS:
        raise BadRequest
    # No name, address or number has a NUL, and PostgreSQL takes none: refused here, once, instead of at each query.
    if "\0" in str(environ.get("PATH_INFO", "")) or "%00" in query or "\0" in query:
        raise BadRequest


def bound_body(environ: dict[str, Any]) -> None:
    """Read a body whose length is not said (chunked, or HTTP/2) and put it back with its length.

    Werkzeug would cut it at the bound without a word, and half a request could be taken for a whole one.

    :raises RequestEntityTooLarge: (413) if it is over 1 MiB.
    """
    if environ.get("CONTENT_LENGTH") or not environ.get("wsgi.input_terminated"):
        return
    if environ.get("REQUEST_METHOD") in ("GET", "HEAD", "OPTIONS"):
        return
    body = bytearray()
    while len(body) <= MAX_BODY and (part := environ["wsgi.input"].read(MAX_BODY + 1 - len(body))):
        body += part
    if len(body) > MAX_BODY:
        raise RequestEntityTooLarge
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))


def check_form(form: MultiDict[str, str]) -> None:
    """Refuse a form with a NUL in a name or a value. :raises BadRequest: (400)."""
    if any("\0" in name or "\0" in value for name, value in form.items(multi=True)):
        raise BadRequest


def ascii_query(query: str) -> str:
    """Return a WSGI query string with octets beyond ASCII percent-encoded, as RFC 3986 §2.1 wants them to be sent."""
    return (
        query if query.isascii() else quote(query.encode("latin-1", "replace"), safe="".join(map(chr, range(33, 127))))
    )


def single_value(parameters: MultiDict[str, str], name: str) -> str | None:
    """Return the one value of ``name``, ``None`` when absent.

    :raises RepeatedParameterError: if it stands more than once: two readers could take different ones.
    """
    values = parameters.getlist(name)
    if len(values) > 1:
        raise RepeatedParameterError(f"The parameter {name} stands more than once.")
    return values[0] if values else None


def single_values(parameters: MultiDict[str, str]) -> dict[str, str]:
    """Return ``parameters`` as a plain dictionary.

    :raises RepeatedParameterError: if any name stands more than once.
    """
    for name in parameters:
        single_value(parameters, name)
    return parameters.to_dict()
