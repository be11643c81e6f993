"""What lets an application's page notice that the login changed (OpenID Connect Session Management 1.0 §3)."""

from __future__ import annotations

import hashlib


def session_state(*, client_id: str, origin: str, browser_state: str, salt: str) -> str:
    """Return the ``session_state`` of an authorization response.

    The page at ``check_session_iframe`` computes the same from the browser's present state and compares
    (``web/static/session.js``).

    :param origin: of the address that the answer goes to; a page elsewhere cannot ask with it.
    :param salt: fresh for each answer, without a dot, so that answers tell nothing of each other.
    """
    digest = hashlib.sha256(f"{client_id} {origin} {browser_state} {salt}".encode()).hexdigest()
    return f"{digest}.{salt}"
