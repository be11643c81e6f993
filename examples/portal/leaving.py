"""Logout at another portal: the provider tells us from server to server (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import threading
import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
ALGORITHMS = ["ES256", "RS256"]
LEEWAY = 30  # seconds that clocks may differ
KEPT = 24 * 3600  # seconds; no session of ours lives longer


class LogoutTokenError(ValueError):
    """What came is not a logout token of our provider for us."""


class UnknownSignerError(LogoutTokenError):
    """None of the keys signed it."""


def read_logout_token(token: str, *, keys: KeySet, issuer: str, client_id: str, now: int) -> str:
    """Return the ``sid`` of a logout token after every check of §2.6; a repeated one does no harm.

    :raises LogoutTokenError: if one of them fails.
    """
    try:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
    except (JoseError, ValueError) as error:
        raise UnknownSignerError("signature") from error
    claims = decoded.claims
    audience = claims.get("aud")
    checks = {
        "typ": decoded.header.get("typ") == "logout+jwt",
        "iss": claims.get("iss") == issuer,
        "aud": client_id in (audience if isinstance(audience, list) else [audience]),
        "iat": isinstance(claims.get("iat"), int) and claims["iat"] <= now + LEEWAY,
        "exp": isinstance(claims.get("exp"), int) and claims["exp"] > now - LEEWAY,
        "events": isinstance(claims.get("events"), dict) and isinstance(claims["events"].get(LOGOUT_EVENT), dict),
        "nonce": "nonce" not in claims,  # or an ID token could be passed off as one
        "sid": isinstance(claims.get("sid"), str),
        "jti": isinstance(claims.get("jti"), str),
    }
    failed = [name for name, holds in checks.items() if not holds]
    if failed:
        raise LogoutTokenError(", ".join(failed))
    return str(claims["sid"])


class EndedSessions:
    """Sessions at the provider that are over. A portal of several processes would keep them in its database."""

    def __init__(self) -> None:
        self._ended: dict[str, float] = {}
        self._lock = threading.Lock()

    def end(self, sid: str) -> None:
        """Note that ``sid`` is over. A repetition changes nothing."""
        moment = time.monotonic()
        with self._lock:
            self._ended = {known: since for known, since in self._ended.items() if since > moment - KEPT}
            self._ended[sid] = moment

    def holds(self, session: Any) -> bool:
        """Tell whether the portal's ``session`` rests on one that is over."""
        with self._lock:
            return session.get("sid") in self._ended
