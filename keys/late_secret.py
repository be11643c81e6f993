"""A secret that a security module holds, which may not answer yet when a process starts."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kernel.errors import Unavailable

_PATIENCE = 2.0  # seconds that one caller waits for another who is asking


class LateSecret:
    """Fetches a secret when it is first needed, and keeps it. Until it is there whoever needs it is told so.

    :param fetch: returns it. :raises Unavailable: from there, as long as it cannot be had.
    """

    def __init__(self, fetch: Callable[[], bytes]) -> None:
        self._fetch = fetch
        self._asking = threading.Lock()
        self._kept: bytes | None = None

    def __call__(self) -> bytes:
        """Return the secret.

        :raises Unavailable: (``token_unavailable``) if it is not to be had now: at once where the module says so, and
            while it says nothing for everyone but the one who asks it.
        """
        if self._kept is None:
            if not self._asking.acquire(timeout=_PATIENCE):
                raise Unavailable("The security module does not answer.", code="token_unavailable")
            try:
                self._kept = self._kept or self._fetch()
            finally:
                self._asking.release()
        return self._kept

    def __repr__(self) -> str:
        return "LateSecret(…)"
