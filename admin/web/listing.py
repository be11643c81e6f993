"""A list of the console: by what it is filtered and arranged and on which page it is, all of it in the address.

A view says which columns and filters its list has and gets back what was asked; ``admin/lists.html`` draws the rest.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import request, url_for

from admin.desk_lists import Cut
from admin.web.forms import Typed, typed_query
from admin.web.paging import PAGE_SIZE, requested_page
from admin.web.words import Text


@dataclass(frozen=True)
class Filter:
    """By what a list can be narrowed: typed text, or one of ``choices`` (value and words; the first: anything).

    :ivar type: of the field, where it is typed: ``text``, ``date``.
    """

    name: str
    label: Text | str
    choices: Sequence[tuple[str, Text | str]] = ()
    type: str = "text"


@dataclass(frozen=True)
class Head:
    """A column.

    :ivar first: how the first click arranges by it, ``up`` or ``down``; empty: it cannot be arranged by.
    """

    key: str
    text: Text | str
    first: str = ""
    numeric: bool = False


@dataclass(frozen=True)
class Chip:
    """A filter that is set. :ivar without: the address of the list without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class Listing:
    """What was asked of a list, and, once its rows are ``showing``, what it shows.

    :ivar order: key of the column by which it is arranged; empty: as the view does by itself.
    :ivar fixed: values of the list's own address, such as the institution it belongs to.
    """

    endpoint: str
    heads: tuple[Head, ...]
    filters: tuple[Filter, ...]
    typed: Typed
    order: str
    descending: bool
    default: str
    number: int
    fixed: Mapping[str, str] = field(default_factory=dict)
    size: int = PAGE_SIZE
    total: int = 0
    items: tuple[Any, ...] = ()

    @property
    def offset(self) -> int:
        """How many rows stand before this page."""
        return (self.number - 1) * self.size

    @property
    def cut(self) -> Cut:
        """Which part of a list that the database arranges."""
        return Cut(limit=self.size, offset=self.offset, order=self.order, descending=self.descending)

    @property
    def filtered(self) -> bool:
        """Whether any filter is set: an empty list then means that nothing matches, and not that there is nothing."""
        return any(self.typed[each.name] for each in self.filters)

    @property
    def is_long(self) -> bool:
        """Whether there is more than one page."""
        return self.total > self.size

    @property
    def chips(self) -> list[Chip]:
        """The filters that are set."""
        return [
            Chip(str(each.label), _said(each, self.typed[each.name]), self.address({each.name: ""}))
            for each in self.filters
            if self.typed[each.name]
        ]

    @property
    def bare(self) -> str:
        """The address without any filter; the order stays."""
        return self.address({each.name: "" for each in self.filters})

    @property
    def plain_address(self) -> str:
        """Where the form of its filters leads; the fields of the form are the rest."""
        return _url(self.endpoint, self.fixed)

    @property
    def order_text(self) -> str:
        """The order as the address has it; empty for the usual one."""
        text = f"-{self.order}" if self.descending else self.order
        return "" if text == self.default else text

    def address(self, changed: Mapping[str, str] | None = None, *, page: int = 1, order: str | None = None) -> str:
        """Return the address of this list with other filters, another order or another page."""
        values = {name: value for name, value in {**self.typed, **(changed or {})}.items() if value}
        order = self.order_text if order is None else order
        if order:
            values["order"] = order
        if page > 1:
            values["page"] = str(page)
        return _url(self.endpoint, {**self.fixed, **values})

    def arranged_by(self, head: Head) -> str:
        """Return what ``aria-sort`` says of a column."""
        if head.key != self.order:
            return "none"
        return "descending" if self.descending else "ascending"

    def turn(self, head: Head) -> str:
        """Return the address that arranges by a column: in its own direction first, the other one the next time."""
        down = not self.descending if head.key == self.order else head.first == "down"
        order = f"-{head.key}" if down else head.key
        return self.address(order="" if order == self.default else order)

    def counted(self, total: int) -> Listing:
        """Return the list when it is known how many rows there are: a page behind the last one becomes the last."""
        last = max(1, -(-total // self.size))
        return replace(self, total=total, number=min(self.number, last))

    def showing(self, items: Iterable[Any], *, total: int | None = None) -> Listing:
        """Return the list with the rows of its page."""
        found = tuple(items)
        return replace(self, items=found, total=self.total if total is None else total)

    def arranged(self, items: Iterable[Any], keys: Mapping[str, Callable[[Any], Any]] | None = None) -> Listing:
        """Return a small list arranged as asked and cut to its page.

        :param items: all rows that fit, in their own order.
        :param keys: for each column that can be arranged by, what of a row is compared; None comes last.
        """
        found = list(items)
        key = (keys or {}).get(self.order)
        if key is not None:
            known = [item for item in found if key(item) is not None]
            rest = [item for item in found if key(item) is None]
            found = sorted(known, key=lambda item: _plain(key(item)), reverse=self.descending) + rest
        shown = self.counted(len(found))
        return shown.showing(found[shown.offset : shown.offset + shown.size])


def asked_listing(
    endpoint: str,
    *,
    heads: Iterable[Head],
    filters: Iterable[Filter] = (),
    order: str = "",
    fixed: Mapping[str, str] | None = None,
    size: int = PAGE_SIZE,
) -> Listing:
    """Return what this request asks of the list; what it cannot be arranged by, or filtered by, is not heard.

    :param order: the usual order: key of a column, ``-`` before it for descending; empty: as the view does by itself.
    """
    columns, known = tuple(heads), tuple(filters)
    typed = typed_query(each.name for each in known)
    for each in known:
        if each.choices and typed[each.name] not in {value for value, _words in each.choices}:
            typed[each.name] = ""
    asked = request.args.get("order", "")
    if asked.removeprefix("-") not in {head.key for head in columns if head.first}:
        asked = order
    return Listing(
        endpoint=endpoint,
        heads=columns,
        filters=known,
        typed=typed,
        order=asked.removeprefix("-"),
        descending=asked.startswith("-"),
        default=order,
        number=requested_page(),
        fixed=fixed or {},
        size=size,
    )


def contains(text: str, *among: str) -> bool:
    """Whether ``text`` stands in one of the others, whatever its accents and capitals; an empty one always does."""
    return any(_plain(text) in _plain(each) for each in among) if text else True


def _url(endpoint: str, values: Mapping[str, Any]) -> str:
    return url_for(endpoint, **values)


def _plain(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "".join(each for each in unicodedata.normalize("NFD", value.casefold()) if not unicodedata.combining(each))


def _said(each: Filter, value: str) -> str:
    return str(dict(each.choices).get(value, value))
