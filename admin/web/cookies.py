"""The console's two cookies: its session, and the secret that binds logins on their way to this browser."""

from __future__ import annotations

from flask import Response, after_this_request, g

from admin.console_session import ABSOLUTE_LIFETIME
from admin.sign_in import ATTEMPT_LIFETIME
from kernel.identifiers import new_secret
from web.cookies import read_cookie, set_cookie

SESSION_COOKIE = "sau_console"
SIGN_IN_COOKIE = "sau_console_login"


def console_secret() -> str | None:
    """Return the secret of the console session that came with this request."""
    return read_cookie(SESSION_COOKIE)


def sign_in_secret() -> str | None:
    """Return the secret that this browser's logins are bound to."""
    return read_cookie(SIGN_IN_COOKIE)


def obtain_sign_in_secret() -> str:
    """Return the secret that this browser's logins are bound to, made and set if there is none."""
    known = sign_in_secret() or g.get("console_sign_in_secret")
    secret: str = known or new_secret()
    g.console_sign_in_secret = secret

    @after_this_request
    def _set(response: Response) -> Response:
        set_cookie(response, SIGN_IN_COOKIE, secret, lifetime=ATTEMPT_LIFETIME)
        return response

    return secret


def set_console_secret(secret: str) -> None:
    """Give the browser its new console session, with the response of this request."""

    @after_this_request
    def _set(response: Response) -> Response:
        set_cookie(response, SESSION_COOKIE, secret, lifetime=ABSOLUTE_LIFETIME)
        return response
