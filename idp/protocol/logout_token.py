"""Logout tokens: what tells an application that a session ended (OpenID Connect Back-Channel Logout 1.0 §2.4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kernel.clock import to_timestamp

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPE = "logout+jwt"
# §2.4 recommends two minutes at most: it is made anew for each attempt.
LIFETIME = timedelta(minutes=2)


def logout_token_claims(
    *, issuer: str, audience: str, subject: str, sid: str, jti: str, now: datetime
) -> dict[str, Any]:
    """Return the claims of a logout token.

    ``sub`` and ``sid`` both stand in it, so that an application that knows only one of them finds the session. There
    is no ``nonce``, so it can never pass for an ID token (§2.4).

    :param jti: the same at each attempt to deliver, so that a receiver can tell a repetition.
    """
    return {
        "iss": issuer,
        "aud": audience,
        "iat": to_timestamp(now),
        "exp": to_timestamp(now + LIFETIME),
        "jti": jti,
        "sub": subject,
        "sid": sid,
        "events": {LOGOUT_EVENT: {}},
    }
