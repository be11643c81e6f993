"""The form session (CSRF token, language) under a key that may come late: from a security module that is away."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Flask
from flask.sessions import NullSession, SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from kernel.errors import Unavailable


class _NoSession(NullSession):
    """What a request has while the key is away: empty, and nothing can be put into it."""

    def _fail(self, *_arguments: Any, **_named: Any) -> NoReturn:
        raise Unavailable("What signs forms is in a security module that does not answer.", code="token_unavailable")

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = _fail


class FormSessions(SecureCookieSessionInterface):
    """Flask's signed cookies. While their key is away, pages without a form are answered and cookies are left alone."""

    null_session_class = _NoSession

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return what signs cookies, None while the key is away."""
        try:
            return super().get_signing_serializer(app)
        except Unavailable:
            return None
