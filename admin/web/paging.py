"""Pages of a list by number, which stands in the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import request

Item = TypeVar("Item")
PAGE_SIZE = 25
_LAST_PAGE = 400


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A page. ``number`` counts from 1."""

    items: tuple[Item, ...]
    number: int
    has_next: bool


def requested_page() -> int:
    """Return the number of the page asked for; the first for anything that is no number in range."""
    text = request.args.get("page", "1")
    return min(int(text), _LAST_PAGE) if text.isascii() and text.isdigit() and len(text) < 5 and int(text) else 1


def page_of(items: list[Item], number: int, *, size: int = PAGE_SIZE) -> Page[Item]:
    """Make a page of ``items``, of which one more than ``size`` were asked for to see whether there are more."""
    return Page(items=tuple(items[:size]), number=number, has_next=len(items) > size)
