"""Where a frame of the sign-out page points (OpenID Connect Front-Channel Logout 1.0 §2)."""

from __future__ import annotations

from idp.protocol.response_mode import with_query


def frame_address(uri: str, *, session_required: bool, issuer: str, sid: str) -> str:
    """Return the address by which an application's page ends its own session, its own query kept.

    :param session_required: whether the application registered that it needs ``iss`` and ``sid``; both go together.
    """
    return with_query(uri, {"iss": issuer, "sid": sid}) if session_required else uri
