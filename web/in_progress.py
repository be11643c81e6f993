"""Which application and which endpoint the work in progress belongs to, on Flask's way and on the short one."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import NamedTuple

from flask import Flask, current_app, request


class ShortCall(NamedTuple):
    """A request that is on the short way, where Flask knows nothing of it."""

    app: Flask
    endpoint: str
    method: str


_call: ContextVar[ShortCall | None] = ContextVar("short_call", default=None)


def begin_short_call(call: ShortCall) -> Token[ShortCall | None]:
    """Declare ``call`` as the work in progress until :func:`end_short_call`."""
    return _call.set(call)


def end_short_call(token: Token[ShortCall | None]) -> None:
    """Go back to what was in progress before."""
    _call.reset(token)


def application() -> Flask:
    """Return the application in progress."""
    call = _call.get()
    return current_app if call is None else call.app


def on_short_way() -> bool:
    """Tell whether there is no request of Flask's, nor its ``g``."""
    return _call.get() is not None


def endpoint_and_method() -> tuple[str, str]:
    """Return the name of the endpoint in progress, empty if none was found, and the request's method."""
    call = _call.get()
    return (request.endpoint or "", request.method) if call is None else (call.endpoint, call.method)
