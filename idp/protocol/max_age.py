"""``max_age``: how old a login may be (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from idp.protocol.errors import RedirectableError
from idp.protocol.prompt import CREATE, LOGIN

_SECONDS = re.compile(r"[0-9]{1,9}")


def parse_max_age(text: str | None) -> int | None:
    """Return the seconds. :raises RedirectableError: (``invalid_request``) unless it is a whole number from 0."""
    if text is None:
        return None
    if not _SECONDS.fullmatch(text):
        raise RedirectableError("invalid_request", "max_age is a whole number of seconds.")
    return int(text)


def authenticated_after(*, prompts: frozenset[str], max_age: int | None, now: datetime) -> datetime | None:
    """Return the moment before which a login is too old for the request; None if any will do.

    ``prompt=login`` and ``max_age=0`` ask for a login from now on; ``prompt=create`` for an account of now.
    """
    if prompts & {LOGIN, CREATE}:
        return now
    return None if max_age is None else now - timedelta(seconds=max_age)
