"""The witness over HTTP: ``POST /add-checkpoint``, and what it saw last of each log for whoever compares."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from audit.witness.request import MOST_OCTETS, SIZE_TYPE
from audit.witness.witness import Verdict, Witness
from kernel.clock import Clock, SystemClock

FOLDER_VARIABLE = "WITNESS_FOLDER"
_TEXT = "text/plain; charset=utf-8"
_STATUS = {
    Verdict.COSIGNED: "200 OK",
    Verdict.MALFORMED: "400 Bad Request",
    Verdict.UNSIGNED: "403 Forbidden",
    Verdict.UNKNOWN_LOG: "404 Not Found",
    Verdict.OTHER_SIZE: "409 Conflict",
    Verdict.FORKED: "409 Conflict",
    Verdict.INCONSISTENT: "422 Unprocessable Entity",
}
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


def create_app() -> Application:
    """Return the application of the witness whose folder the environment names, for the web server."""
    return witness_app(Witness.open(Path(os.environ[FOLDER_VARIABLE])), SystemClock())


def witness_app(witness: Witness, clock: Clock) -> Application:
    """Return the WSGI application (PEP 3333) of ``witness``."""

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if path == "/add-checkpoint":
            status, kind, body = _add(witness, clock, environ) if method == "POST" else _plain("405 Method Not Allowed")
        elif method in ("GET", "HEAD"):
            status, kind, body = _show(witness, path)
        else:
            status, kind, body = _plain("404 Not Found")
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
        start_response(status, headers)
        return [b"" if method == "HEAD" else body]

    return app


def _add(witness: Witness, clock: Clock, environ: dict[str, Any]) -> tuple[str, str, bytes]:
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        return _plain("411 Length Required")
    if int(length) > MOST_OCTETS:
        return _plain("413 Content Too Large")
    decision = witness.add_checkpoint(environ["wsgi.input"].read(int(length)), now=clock.now())
    status = _STATUS[decision.verdict]
    if decision.verdict is Verdict.COSIGNED:
        return status, _TEXT, decision.line.encode()
    if decision.verdict in (Verdict.OTHER_SIZE, Verdict.FORKED):
        return status, SIZE_TYPE, f"{decision.size}\n".encode()
    return _plain(status)


def _show(witness: Witness, path: str) -> tuple[str, str, bytes]:
    if path == "/":
        return "200 OK", _TEXT, f"{witness.key}\n".encode()
    for origin, seen in witness.state.read().items():
        if path == f"/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint":
            return "200 OK", _TEXT, seen.note.encode()
    return _plain("404 Not Found")


def _plain(status: str) -> tuple[str, str, bytes]:
    return status, _TEXT, f"{status}\n".encode()
