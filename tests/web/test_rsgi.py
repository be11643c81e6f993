"""The application behind RSGI: which calls run on the loop, what is refused before a thread, what is kept whole."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Coroutine, Iterator
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response, request

import web.rsgi
from kernel.loop_call import current_loop_call, require_thread
from tests.event_loop import on_a_loop
from tests.servers.service import LiveService
from tests.web.conftest import MakeApp
from web.application import SauFlask
from web.held_answers import LONGEST, MOST_HELD, HeldAnswers, hold_answer
from web.ready_answer import ReadyAnswer
from web.request_bounds import MAX_BODY
from web.rsgi import RsgiApplication
from web.short_way import ShortRequest, ShortWay

_STREAM = [b"x" * 100_000] * 5


class _Protocol:
    """Stands for Granian's: gives a body in parts, keeps the answer."""

    def __init__(self, *parts: bytes, ends: bool = True) -> None:
        self.parts = list(parts)
        self.ends = ends
        self.status = 0
        self.headers: dict[str, str] = {}
        self.sent: list[bytes] = []

    def __call__(self) -> asyncio.Future[bytes]:
        return asyncio.ensure_future(self._whole())

    def __aiter__(self) -> _Protocol:
        return self

    def __anext__(self) -> asyncio.Future[bytes]:
        if not self.parts and self.ends:
            raise StopAsyncIteration
        return asyncio.ensure_future(self._next())

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers = status, dict(headers)
        self.sent.append(body)

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> _Protocol:
        self.status, self.headers = status, dict(headers)
        return self

    async def send_bytes(self, part: bytes) -> None:
        self.sent.append(part)

    async def _next(self) -> bytes:
        if not self.parts:
            await asyncio.Event().wait()
        return self.parts.pop(0)

    async def _whole(self) -> bytes:
        whole = b"".join(self.parts)
        if not self.ends:
            await asyncio.Event().wait()
        return whole


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application that tells where it runs and what came."""
    app = make_app(issuer="https://sau.test")
    ways = cast(SauFlask, app).short_ways
    ways.add("POST", "/echo", ShortWay("echo", _short))
    ways.add("GET", "/waits", ShortWay("waits", _waiting))
    ways.add("GET", "/held", ShortWay("held", _held))
    ways.add("GET", "/long", ShortWay("long", lambda _given: None))
    ways.add("GET", "/broken", ShortWay("broken", _broken))
    ways.add("GET", "/document", _document_way(app, at_hand=True))
    app.config.update(DOCUMENT=ReadyAnswer.made(200, "application/json", b"{}"), AT_HAND=0)

    @app.route("/document")
    def document() -> Response:
        return ReadyAnswer.made(200, "application/json", b"{}").response()

    @app.route("/echo", methods=["POST"])
    @app.route("/page", methods=["GET", "POST"])
    @app.route("/long")
    def page() -> bytes:
        place = b"loop " if current_loop_call() else b"thread "
        return place + (request.get_data() or request.headers.get("X-Given", "").encode())

    @app.route("/held")
    def held() -> bytes:
        hold_answer(request.environ, 60)
        return b"thread"

    @app.route("/stream")
    def stream() -> Response:
        return Response(iter(_STREAM), mimetype="application/octet-stream")

    cast(SauFlask, app).extensions["csrf"].exempt(page)
    return app


def _document_way(app: Flask, *, at_hand: bool) -> ShortWay:
    def give() -> ReadyAnswer | None:
        app.config["AT_HAND"] += 1
        return cast(ReadyAnswer | None, app.config["DOCUMENT"])

    return ShortWay(
        "document",
        lambda _given: ReadyAnswer.made(200, "application/json", b"{}"),
        at_hand=give if at_hand else None,
    )


def _short(given: ShortRequest) -> ReadyAnswer:
    return ReadyAnswer.made(200, "text/plain", b"loop " if current_loop_call() else b"thread ", ())


def _held(given: ShortRequest) -> ReadyAnswer | None:
    hold_answer(given.environ, 1)
    return None if given.query else ReadyAnswer.made(200, "text/plain", b"loop")


def _waiting(_given: ShortRequest) -> ReadyAnswer:
    require_thread()
    return ReadyAnswer.made(200, "text/plain", b"loop" if current_loop_call() else b"thread")


def _broken(_given: ShortRequest) -> ReadyAnswer:
    raise ZeroDivisionError


def _ask(app: Flask, method: str, path: str, protocol: _Protocol, *headers: tuple[str, str], threads: int = 2) -> str:
    rsgi = RsgiApplication(cast(SauFlask, app), threads=threads)
    try:
        on_a_loop(_call(rsgi, method, path, protocol, *headers))
    finally:
        rsgi.__rsgi_del__(cast(Any, None))
    return b"".join(protocol.sent).decode("latin-1")


def _call(
    rsgi: RsgiApplication, method: str, path: str, protocol: _Protocol, *headers: tuple[str, str]
) -> Coroutine[Any, Any, None]:
    target = urlsplit(path)
    scope = SimpleNamespace(
        method=method,
        path=target.path,
        query_string=target.query,
        client="127.0.0.1:1234",
        server="127.0.0.1:8000",
        scheme="http",
        http_version="1.1",
        authority=None,
        headers=dict([("host", "sau.test"), *headers]),
    )
    return rsgi.__rsgi__(cast(Any, scope), cast(Any, protocol))


def _form(length: int) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("content-type", "application/x-www-form-urlencoded"), ("content-length", str(length))


def test_a_short_call_runs_on_the_loop(app: Flask) -> None:
    """With every header that an answer of Flask's has."""
    protocol = _Protocol(b"a=1")
    assert _ask(app, "POST", "/echo", protocol, *_form(3)) == "loop "
    assert {"X-Request-Id", "X-Content-Type-Options"} <= set(protocol.headers)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [("GET", "/page", "thread "), ("GET", "/waits", "thread"), ("GET", "/long", "thread ")],
    ids=["flask", "waits", "leaves it"],
)
def test_what_waits_has_a_thread(app: Flask, method: str, path: str, expected: str) -> None:
    """What Flask answers, what asks for a thread, what its short way leaves to Flask."""
    assert _ask(app, method, path, _Protocol()) == expected


def test_an_answer_that_is_held_waits_on_the_loop(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made it: no longer than ten seconds, after its thread is free."""
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(web.rsgi, "HeldAnswers", lambda: HeldAnswers(wait))
    assert [_ask(app, "GET", path, _Protocol()) for path in ("/held", "/held?x=1")] == ["loop", "thread"]
    assert waited == [1, LONGEST]


def test_few_answers_are_held_at_once() -> None:
    """What is more goes at once; who has waited makes room."""
    environ: dict[str, Any] = {}
    hold_answer(environ, 1)

    async def scenario() -> list[bool]:
        end = asyncio.Event()

        async def wait(_seconds: float) -> None:
            await end.wait()

        held = HeldAnswers(wait)
        first = [asyncio.ensure_future(held.wait(environ)) for _ in range(MOST_HELD)]
        await asyncio.sleep(0)
        await held.wait(environ)
        before = [task.done() for task in first]
        end.set()
        await asyncio.gather(*first)
        end.clear()
        again = asyncio.ensure_future(held.wait(environ))
        await asyncio.sleep(0)
        room = not again.done()
        again.cancel()
        return [any(before), room]

    assert on_a_loop(scenario()) == [False, True]


def test_a_body_reaches_flask_whole(app: Flask) -> None:
    """In parts, of no said length."""
    assert _ask(app, "POST", "/page", _Protocol(b"one ", b"two")) == "thread one two"


def test_a_failure_on_the_loop_is_a_page_with_a_number(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Like every mistake of ours; nothing is done again."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    protocol = _Protocol()
    _ask(app, "GET", "/broken", protocol)
    assert protocol.status == 500


@pytest.mark.parametrize(("path", "headers"), [("/echo", _form(30)), ("/page", ())], ids=["short", "flask"])
def test_who_sends_slowly_is_left(
    app: Flask, monkeypatch: pytest.MonkeyPatch, path: str, headers: tuple[tuple[str, str], ...]
) -> None:
    """RFC 9110 §15.5.9: no thread waits for the rest of a body, and the loop not forever."""
    monkeypatch.setattr(web.rsgi, "BODY_SECONDS", 0.05)
    protocol = _Protocol(b"a", ends=False)
    _ask(app, "POST", path, protocol, *headers)
    assert (protocol.status, protocol.headers["Connection"]) == (408, "close")
    assert protocol.headers["X-Content-Type-Options"] == "nosniff"
    assert protocol.headers["X-Request-Id"]


def test_a_length_that_is_said_twice_is_no_length(app: Flask) -> None:
    """RFC 9110 §8.6: "5,5" is no number; the body is read to its end, within the bound."""
    said = [("content-length", "5"), ("content-length", "5")]
    assert _ask(app, "POST", "/page", _Protocol(b"a=b", b"&c"), *said).startswith("thread")


@pytest.mark.parametrize("said", [True, False])
def test_a_body_beyond_the_bound_is_refused_and_not_read_to_its_end(app: Flask, said: bool) -> None:
    """RFC 9110 §15.5.14."""
    protocol = _Protocol(*[b"x" * 65536] * 100)
    _ask(app, "POST", "/page", protocol, *([("content-length", str(100 * 65536))] if said else []))
    assert protocol.status == 413
    assert len(protocol.parts) >= 100 - MAX_BODY // 65536 - 1


def test_a_long_answer_is_sent_as_it_comes(app: Flask) -> None:
    """Never whole in memory."""
    protocol = _Protocol()
    assert len(_ask(app, "GET", "/stream", protocol)) == 500_000
    assert len(protocol.sent) > 1


def test_more_than_can_wait_is_told_to_come_back(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks and faults, line 25: 503 with Retry-After, at once."""
    monkeypatch.setattr(web.rsgi, "MOST_WAITING", 0)
    begun, go_on = threading.Event(), threading.Event()

    @app.route("/slow")
    def slow() -> str:
        begun.set()
        go_on.wait(60)
        return "done"

    async def both() -> list[_Protocol]:
        rsgi, first, second = RsgiApplication(cast(SauFlask, app), threads=1), _Protocol(), _Protocol()
        running = asyncio.ensure_future(_call(rsgi, "GET", "/slow", first))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        await _call(rsgi, "GET", "/page", second)
        go_on.set()
        await running
        return [first, second]

    first, second = on_a_loop(both())
    assert (first.status, second.status) == (200, 503)
    assert int(second.headers["Retry-After"]) > 0


_PLAINEST: list[tuple[str, str]] = [("user-agent", "reader/1")]
_LESS_PLAIN: list[list[tuple[str, str]]] = [
    [("origin", "https://elsewhere.test")],
    [("expect", "100-continue")],
    [("x_given", "a")],
    [("ssl-client-cert", "x")],
    [("x-forwarded-for", "203.0.113.9, 127.0.0.1")],
    [("x-forwarded-for", "no address, and no proxy that is believed")],
    [("content-length", "0")],
    [("content-length", "1")],
    [("accept-language", "x" * 40_000)],
    [(f"x-{number}", "") for number in range(120)],
    [("host", "elsewhere.test")],
]


@pytest.mark.parametrize("headers", [_PLAINEST, *_LESS_PLAIN], ids=["plainest", *map(str, range(len(_LESS_PLAIN)))])
def test_a_document_at_hand_is_what_any_other_way_gives(app: Flask, headers: list[tuple[str, str]]) -> None:
    """The same status, headers and body, whether it is at hand or made; what is not plain is judged as ever."""
    sau, answers = cast(SauFlask, app), []
    for at_hand in (True, False):
        if not at_hand:
            sau.short_ways.add("GET", "/document", _document_way(app, at_hand=False))
        protocol = _Protocol()
        body = _ask(app, "GET", "/document", protocol, *headers)
        assert protocol.headers.pop("X-Request-Id")
        answers.append((protocol.status, protocol.headers, body if protocol.status == 200 else ""))
    assert answers[0] == answers[1]
    assert app.config["AT_HAND"] == (1 if headers in (_PLAINEST, *_LESS_PLAIN[4:7]) else 0)


def test_a_document_that_is_not_at_hand_is_made(app: Flask) -> None:
    """By the way of every request."""
    app.config["DOCUMENT"] = None
    assert _ask(app, "GET", "/document", _Protocol()) == "{}"
    assert app.config["AT_HAND"] == 1


def test_a_header_with_an_underscore_is_not_one_with_a_hyphen(app: Flask) -> None:
    """WSGI could not tell them apart, and a proxy strips only the latter."""
    assert _ask(app, "GET", "/page", _Protocol(), ("x_given", "spoofed")) == "thread "
    assert _ask(app, "GET", "/page", _Protocol(), ("x-given", "sent")) == "thread sent"


@pytest.fixture
def connection(live_service: LiveService) -> Iterator[http.client.HTTPConnection]:
    """A connection to the real server."""
    opened = http.client.HTTPConnection("localhost", live_service.port, timeout=60)
    yield opened
    opened.close()


def test_the_real_server_answers_head_like_get(connection: http.client.HTTPConnection) -> None:
    """RFC 9110 §9.3.2: the same headers, no body."""
    seen = []
    for method in ("GET", "HEAD"):
        connection.request(method, "/.well-known/openid-configuration")
        answer = connection.getresponse()
        seen.append((answer.status, answer.headers["Content-Length"], answer.headers["Content-Type"]))
        assert bool(answer.read()) == (method == "GET")
    assert seen[0] == seen[1]


def test_the_real_server_takes_a_body_of_no_said_length(connection: http.client.HTTPConnection) -> None:
    """Chunked, on a path with a short way: answered as any other (RFC 9112 §7.1)."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Transfer-Encoding": "chunked"}
    connection.request("POST", "/token", body=iter([b"grant_type=", b"none"]), headers=headers, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]) == (400, "unsupported_grant_type")
