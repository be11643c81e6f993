"""What an ACME client asks for with each certificate is answered before Flask as Flask's views answer it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import EnvironBuilder, TestResponse

from audit.model import AuditEvent
from ca.services import CaServices
from ca.web.acme import order_answers
from kernel.loop_call import Threads, run_on_loop
from tests.ca.acme.client import AcmeClient, flattened
from tests.ca.acme.conftest import NAME
from tests.event_loop import on_a_loop
from web.application import SauFlask
from web.short_way import ShortWay

Steps = list[tuple[str, TestResponse]]
_FRESH = ("X-Request-Id", "Content-Length", "Location", "Replay-Nonce")
_ID = re.compile(r"[0-9a-z]{26}")


@pytest.fixture
def taken(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The endpoints that were answered on the short way."""
    ways, taken = cast(SauFlask, app).short_ways, []

    def watched(way: ShortWay, environ: dict[str, object]) -> object:
        response = answer(way, environ)
        if response is not None:
            taken.append(way.endpoint)
        return response

    answer = ways.answer
    monkeypatch.setattr(ways, "answer", watched)
    return taken


def _walk(acme: AcmeClient, look: Callable[[], int]) -> Steps:
    """Everything that has a short way, refusals among it."""
    order = acme.order(NAME)
    steps: Steps = [("order", order), ("elsewhere", acme.order("www.gobierno.example"))]
    steps.append(("early", acme.finalize(order, [NAME])))
    [authorization] = order.json["authorizations"]
    steps.append(("authorization", acme.post(authorization)))
    steps.append(("challenge", acme.begin(dict(steps[-1][1].json), "dns-01")))
    look()
    steps.append(("challenge again", acme.post(steps[-1][1].json["url"])))
    steps.append(("proved", acme.post(authorization)))
    steps.append(("ready", acme.post(order.headers["Location"])))
    steps.append(("wrong names", acme.finalize(order, ["otro.pruebas.gob.ec"])))
    steps.append(("done", acme.finalize(order, [NAME])))
    steps.append(("certificate", acme.post(steps[-1][1].json["certificate"])))
    steps.append(("unknown", acme.post(f"{acme.origin}/acme/order/{'0' * 26}")))
    steps.append(("other type", acme.post(f"{authorization.replace('authorization', 'challenge')}/http-02", {})))
    steps.append(("unsigned", acme.send(f"{acme.origin}/acme/new-order", b"{}")))
    steps.append(("old nonce", acme.post(f"{acme.origin}/acme/new-order", {}, nonce="x")))
    return steps


def _shape(answer: TestResponse) -> object:
    headers = sorted((name, "" if name in _FRESH else _ID.sub("ID", value)) for name, value in answer.headers)
    document = answer.json if answer.is_json else None
    return answer.status_code, headers, sorted(document) if isinstance(document, dict) else document


def _events(services: CaServices) -> Counter[tuple[Any, ...]]:
    with services.database.reading() as session:
        columns = (AuditEvent.type, AuditEvent.outcome, AuditEvent.reason)
        rows = session.execute(select(*columns, func.count()).group_by(*columns))
        return Counter({tuple(row[:3]): row[3] for row in rows})


def test_both_ways_answer_alike(
    app: Flask, acme: AcmeClient, look: Callable[[], int], taken: list[str], services: CaServices
) -> None:
    """Status, headers, members of documents, events; only the fresh values differ."""
    before = _events(services)
    quick = _walk(acme, look)
    between = _events(services)
    endpoints = Counter(taken)
    cast(SauFlask, app).short_ways.open = False
    del taken[:]
    slow = _walk(acme, look)
    assert not taken
    for (step, short), (_, long) in zip(quick, slow, strict=True):
        assert _shape(short) == _shape(long), step
    assert between - before == _events(services) - between
    assert endpoints == {
        "acme_orders.new_order": 4,
        "acme_orders.finalize": 3,
        "acme_orders.authorization": 2,
        "acme_orders.challenge": 3,
        "acme_orders.order": 2,
        "acme_orders.certificate": 1,
    }


@pytest.mark.parametrize(
    "path", ["new-order?x=1", "order/a/b", "order//finalize", "authorization/á", "certificate/1/0"]
)
def test_what_is_not_plain_goes_the_long_way(app: Flask, acme: AcmeClient, taken: list[str], path: str) -> None:
    """A query, another number of parts, letters beyond ASCII, another chain."""
    acme.post(f"{acme.origin}/acme/{path}")
    assert not taken


def test_a_refusal_that_is_put_on_record_counts_once(
    app: Flask, acme: AcmeClient, services: CaServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the event loop a thread writes it down, and the request is not begun again; with none free it is put off."""
    acme.order(NAME)  # by which this process has met its key
    counted: list[str] = []
    monkeypatch.setattr(order_answers, "check_limit", lambda _rule, name, *_key: counted.append(name))
    url, sau, statuses = f"{acme.origin}/acme/new-order", cast(SauFlask, app), []
    before = _events(services)
    with ThreadPoolExecutor(1) as pool:
        for most in (1, 0):
            body = json.dumps(flattened(acme.header(url), b"[]", acme.key)).encode()
            environ = EnvironBuilder("/acme/new-order", acme.origin, method="POST").get_environ()
            environ |= {"CONTENT_TYPE": "application/jose+json", "CONTENT_LENGTH": str(len(body))}
            environ["wsgi.input"] = BytesIO(body)
            way = sau.short_ways.find(environ)
            assert way is not None
            threads = Threads(pool, most=most)
            answer = on_a_loop(run_on_loop(sau.answer_shortly, way, environ, threads=threads))
            assert answer is not None
            statuses.append(int(answer.status[:3]))
    assert statuses == [400, 503]
    assert counted == ["acme.orders"] * 2
    assert sum((_events(services) - before).values()) == 1
