"""Cookies of the service: one way to name, set, read and end them."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from kernel.settings import Settings
from web.state import web_state

_PLAIN = re.compile(r"[A-Za-z0-9._~-]*")


def cookie_name(settings: Settings, name: str) -> str:
    """Return ``name`` with the ``__Host-`` prefix where cookies are secure.

    The prefix makes browsers refuse the cookie from a sibling host or from plain http (RFC 6265bis §4.1.3.2).
    """
    return f"__Host-{name}" if settings.secure_cookies else name


def read_cookie(name: str) -> str | None:
    """Return the value of our cookie ``name`` in this request, ``None`` when absent or empty."""
    return request.cookies.get(cookie_name(web_state().settings, name)) or None


def set_cookie(response: Response, name: str, value: str, *, lifetime: timedelta | None = None) -> None:
    """Set our cookie ``name``: HttpOnly, SameSite=Lax, whole site; without ``lifetime`` it ends with the browser."""
    settings = web_state().settings
    response.set_cookie(
        cookie_name(settings, name),
        value,
        max_age=lifetime,
        path="/",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )


def set_readable_cookie(response: WerkzeugResponse, name: str, value: str) -> None:
    """Set a cookie that our own script may read, in a frame of another site too; it must be worth nothing to anyone.

    ``SameSite=None`` needs ``Secure``; without https (loopback) it is ``Lax``.
    """
    response.headers.add("Set-Cookie", readable_cookie(name, value))


def readable_cookie(name: str, value: str) -> str:
    """Return the header that sets such a cookie.

    :raises ValueError: if the value needs quoting (RFC 6265 §4.1.1): ours do not.
    """
    if _PLAIN.fullmatch(value) is None:
        raise ValueError("not a value of a readable cookie")
    settings = web_state().settings
    secure = "Secure; Path=/; SameSite=None" if settings.secure_cookies else "Path=/; SameSite=Lax"
    return f"{cookie_name(settings, name)}={value}; {secure}"


def end_cookie(response: Response, name: str) -> None:
    """Make the browser forget our cookie ``name``."""
    settings = web_state().settings
    response.delete_cookie(
        cookie_name(settings, name), path="/", secure=settings.secure_cookies, httponly=True, samesite="Lax"
    )
