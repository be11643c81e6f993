"""The redirect URI of a request against those registered (OpenID Connect Core §3.1.2.1, RFC 9700 §2.1)."""

from __future__ import annotations

import re
from collections.abc import Collection

from idp.protocol.errors import NotRedirectableError

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::([0-9]{1,5}))?(/.*)?")


def require_registered_redirect_uri(presented: str | None, *, registered: Collection[str], native: bool) -> str:
    """Return the redirect URI if it is registered, character by character.

    Only the port of a native client's loopback URI may vary (RFC 8252 §7.3).

    :raises NotRedirectableError: ``invalid_redirect_uri``.
    """
    if presented is None:
        raise NotRedirectableError("invalid_redirect_uri", "The request has no redirect_uri.")
    if presented in registered:
        return presented
    if native and (loopback := _without_port(presented)) is not None:
        for candidate in registered:
            if _without_port(candidate) == loopback:
                return presented
    raise NotRedirectableError("invalid_redirect_uri", "The redirect_uri is not one that this client registered.")


def _without_port(uri: str) -> tuple[str, str] | None:
    match = _LOOPBACK.fullmatch(uri)
    if match is None or (match[2] is not None and not 0 < int(match[2]) <= 65535):
        return None
    return match[1], match[3] or ""
