"""Pages of a list by number, which stands in the address."""

from __future__ import annotations

from flask import request

PAGE_SIZE = 25
_LAST_PAGE = 400


def requested_page() -> int:
    """Return the number of the page asked for; the first for anything that is no number in range."""
    text = request.args.get("page", "1")
    return min(int(text), _LAST_PAGE) if text.isascii() and text.isdigit() and len(text) < 5 and int(text) else 1
