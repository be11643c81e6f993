"""Pages of a list: a cursor says after which line the next one begins, so that new lines shift nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from kernel.errors import Rejected
from kernel.identifiers import b64url, b64url_decode

Line = TypeVar("Line", bound=BaseModel)
LIMIT, MOST = 50, 100
_LONGEST = 400


@dataclass(frozen=True)
class Wanted:
    """Which page. :ivar after: the key of the last line of the page before; empty: the first page."""

    after: str
    limit: int


def wanted_page(*, cursor: str, limit: str) -> Wanted:
    """Return the page that was asked for. :raises Rejected: ``bad_cursor``, ``bad_limit``."""
    if limit and not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= MOST):
        raise Rejected(f"limit: a number from 1 to {MOST}.", code="bad_limit")
    after = ""
    if cursor:
        try:
            if len(cursor) > _LONGEST:
                raise ValueError
            after = json.loads(b64url_decode(cursor))["after"]
            if not isinstance(after, str) or "\0" in after:
                raise ValueError
        except (ValueError, KeyError, TypeError, Rejected) as error:
            raise Rejected("cursor: one that this list gave.", code="bad_cursor") from error
    return Wanted(after, int(limit) if limit else LIMIT)


def cursor_after(key: str) -> str:
    """Return the cursor of the page that begins after ``key``."""
    return b64url(json.dumps({"after": key}).encode())


def cut(lines: Sequence[Line], *, key: str, wanted: Wanted) -> tuple[list[Line], str]:
    """Return the lines of the page in the order of their member ``key``, and the next cursor: empty on the last."""
    ordered = sorted(lines, key=lambda line: _place(line, key))
    rest = [line for line in ordered if _place(line, key) > wanted.after] if wanted.after else ordered
    page = rest[: wanted.limit]
    return page, cursor_after(_place(page[-1], key)) if len(rest) > len(page) else ""


def _place(line: BaseModel, key: str) -> str:
    value = getattr(line, key)
    return f"{value:012d}" if isinstance(value, int) else str(value)
