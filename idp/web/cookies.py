"""The provider's cookies: session, binding of interactions to a browser, device, and the state that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flask import Response, after_this_request, g
from werkzeug.wrappers import Response as WerkzeugResponse

from idp.authentication.browser_session import SESSION_COOKIE
from kernel.identifiers import new_secret
from web.cookies import cookie_name, end_cookie, read_cookie, readable_cookie, set_cookie, set_readable_cookie
from web.state import web_state

BROWSER_COOKIE = "sau_browser"
DEVICE_COOKIE = "sau_device"
# Stands for the login towards the page at check_session_iframe, whose script reads it.
STATE_COOKIE = "sau_state"
_DEVICE_LIFETIME = timedelta(days=365)
# A value of ours has 43 characters; anything else was not set by us.
_LENGTH = 43


def session_secret() -> str | None:
    """Return the secret of the browser session that came with this request or was set during it, if any."""
    return _value(SESSION_COOKIE)


def set_session_secret(secret: str) -> None:
    """Put a new session secret into the response of this request; the cookie ends with the browser."""
    _set(SESSION_COOKIE, secret, lifetime=None)
    _show_change()


def clear_session_secret() -> None:
    """Remove the session cookie in the response of this request."""
    _set(SESSION_COOKIE, "", lifetime=None)
    _show_change()


def show_browser_state(response: WerkzeugResponse, state: str) -> None:
    """Let ``state`` stand for the login from now on, towards pages of applications that ask whether it changed."""
    g.sau_state = state
    set_readable_cookie(response, STATE_COOKIE, state)


def state_cookie(state: str) -> str:
    """Return the header that does the same, for the short way."""
    return readable_cookie(STATE_COOKIE, state)


def _show_change() -> None:
    """A new secret or a logout shows a fresh state, so that pages ask; each answer to them shows the session's own."""
    if "sau_state" not in g:

        @after_this_request
        def _write(response: Response) -> Response:
            set_readable_cookie(response, STATE_COOKIE, g.sau_state)
            return response

    g.sau_state = new_secret(16)


def browser_secret() -> str | None:
    """Return the browser's binding secret, if it has one."""
    return _value(BROWSER_COOKIE)


def obtain_browser_secret() -> str:
    """Return the browser's binding secret; one is made, and set in the response, if it has none."""
    secret = browser_secret()
    if secret is None:
        secret = new_secret()
        _set(BROWSER_COOKIE, secret, lifetime=None)
    return secret


def secret_in(cookies: Mapping[str, str], name: str) -> str | None:
    """Return the value of our cookie ``name`` among ``cookies``, None if it is not there or not one of ours."""
    value = cookies.get(cookie_name(web_state().settings, name))
    return value if value and len(value) == _LENGTH else None


def device_secret() -> str | None:
    """Return the secret by which this browser is a known device, if any."""
    return _value(DEVICE_COOKIE)


def set_device_secret(secret: str) -> None:
    """Make this browser a known device for a year."""
    _set(DEVICE_COOKIE, secret, lifetime=_DEVICE_LIFETIME)


def _value(name: str) -> str | None:
    pending: dict[str, str] = g.get("sau_cookies", {})
    value = pending[name] if name in pending else read_cookie(name)
    return value if value and len(value) == _LENGTH else None


def _set(name: str, value: str, *, lifetime: timedelta | None) -> None:
    g.setdefault("sau_cookies", {})[name] = value

    @after_this_request
    def _write(response: Response) -> Response:
        if value:
            set_cookie(response, name, value, lifetime=lifetime)
        else:
            end_cookie(response, name)
        return response
