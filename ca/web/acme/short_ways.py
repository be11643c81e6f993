"""What an ACME client asks for with each certificate, answered before Flask where the request is plain."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from flask import Flask

from ca.acme.addresses import PREFIX
from ca.acme.jws import MOST_OCTETS
from ca.web.acme.frame import MEDIA_TYPE, Asked, around
from ca.web.acme.order_answers import (
    answer_authorization,
    answer_certificate,
    answer_challenge,
    answer_finalize,
    answer_new_order,
    answer_order,
)
from ca.web.acme.problems import problem_answer
from kernel.errors import ServiceError
from web.application import SauFlask
from web.ready_answer import ReadyAnswer
from web.short_way import ShortRequest, ShortView, ShortWay


def open_short_ways(app: Flask) -> None:
    """Add the short ways to ``app``, beside the views of the same addresses."""
    ways = cast(SauFlask, app).short_ways
    ways.add("POST", f"{PREFIX}/new-order", _way("new_order", f"{PREFIX}/new-order", answer_new_order, parts=0))
    for name, below, view, parts, ending in (
        ("finalize", "order", answer_finalize, 1, "/finalize"),
        ("order", "order", answer_order, 1, ""),
        ("authorization", "authorization", answer_authorization, 1, ""),
        ("challenge", "challenge", answer_challenge, 2, ""),
        ("certificate", "certificate", answer_certificate, 1, ""),
    ):
        prefix = f"{PREFIX}/{below}/"
        way = _way(name, prefix, cast("Callable[..., ReadyAnswer]", view), parts=parts, ending=ending)
        ways.add_below("POST", prefix, way, ending=ending)


def _way(name: str, prefix: str, view: Callable[..., ReadyAnswer], *, parts: int, ending: str = "") -> ShortWay:
    """Return the way to ``view``, which takes so many parts of the path between ``prefix`` and ``ending``."""

    def answer(given: ShortRequest) -> ReadyAnswer | None:
        path = given.path
        named = path[len(prefix) : len(path) - len(ending)].split("/") if parts else []
        if len(named) != parts or not all(named) or given.environ.get("QUERY_STRING") or not path.isascii():
            return None
        try:
            found = view(Asked(path, MEDIA_TYPE, given.octets), *named)
        except ServiceError as error:
            refused = problem_answer(error, path=path)
            if refused is None:
                raise
            found = refused
        found.headers.extend(around())
        return found

    return ShortWay(f"acme_orders.{name}", cast(ShortView, answer), media_types=(MEDIA_TYPE,), most_octets=MOST_OCTETS)
