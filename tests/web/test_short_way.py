"""What a short way takes, and what it leaves to Flask."""

from __future__ import annotations

import io
import json
import logging
from typing import cast

import pytest
import structlog
from flask import Flask, request
from flask.testing import FlaskClient

from tests.web.conftest import MakeApp
from web.application import SauFlask
from web.logging import configure_logging
from web.ready_answer import see_other
from web.short_way import ReadyAnswer, ShortRequest, ShortWay
from web.state import accept_any_host, answer_on_mtls_host

_TYPE = "application/octets"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application that tells, at one address, which way a request took and what body came."""
    app = make_app(issuer="https://sau.test", mtls_origin="https://mtls.sau.test")
    ways = cast(SauFlask, app).short_ways
    ways.add("POST", "/octets", ShortWay("octets", _short, media_types=(_TYPE, "text/x-octets"), most_octets=8))
    ways.add_below("GET", "/below/", ShortWay("below", _short, any_host=True))
    ways.add("GET", "/below/own", ShortWay("own", lambda _given: _answer(b"own")))
    accept_any_host(app, "/below")
    answer_on_mtls_host(app, "/below")

    @app.route("/octets", methods=["POST"])
    @app.route("/below/", methods=["GET"])
    @app.route("/below/<path:rest>", methods=["GET"])
    def long(rest: str = "") -> bytes:
        return b"long " + (request.get_data() or request.path.encode())

    cast(SauFlask, app).extensions["csrf"].exempt(long)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Software that calls it."""
    return app.test_client()


def _short(given: ShortRequest) -> ReadyAnswer:
    return _answer(b"short " + (given.octets or given.path.encode()))


def _answer(body: bytes) -> ReadyAnswer:
    return ReadyAnswer("200 OK", [("Content-Type", _TYPE), ("Content-Length", str(len(body)))], body)


@pytest.mark.parametrize("media_type", [_TYPE, "text/x-octets", "Application/Octets; charset=x"])
def test_a_body_of_a_declared_type_arrives_as_it_came(client: FlaskClient, media_type: str) -> None:
    """Octets that are no text, a NUL among them."""
    assert client.post("/octets", data=b"\0\xff%00", content_type=media_type).data == b"short \0\xff%00"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [(b"a=1", "application/x-www-form-urlencoded"), (b"x", ""), (b"x", "text/plain"), (b"nine long", _TYPE)],
    ids=["form", "untold", "undeclared", "larger"],
)
def test_other_bodies_go_the_long_way_whole(client: FlaskClient, body: bytes, media_type: str) -> None:
    """Of another type or larger than declared; nothing of them is lost."""
    answer = client.post("/octets", data=body, content_type=media_type)
    assert answer.data.startswith(b"long ")


@pytest.mark.parametrize("length", ["²", "+1", "-1", "1_0", ""])
def test_a_length_that_is_no_number_is_not_taken_for_one(client: FlaskClient, length: str) -> None:
    """RFC 9110 §8.6: digits of ASCII."""
    environ = {"CONTENT_LENGTH": length, "CONTENT_TYPE": _TYPE, "wsgi.input": io.BytesIO(b"x")}
    answer = client.post("/octets", environ_overrides=environ)
    assert not answer.data.startswith(b"short")


def test_a_way_takes_all_paths_below_a_prefix(client: FlaskClient) -> None:
    """Slashes in a row and at the end included, but neither the prefix itself nor a path with a way of its own."""
    assert client.get("/below/a//b+c=/").data == b"short /below/a//b+c=/"
    assert client.get("/below/own").data == b"own"
    assert client.get("/below/").data == b"long /below/"


@pytest.mark.parametrize(
    ("host", "answered"),
    [("sau.test", b"short"), ("10.0.0.1", b"short"), ("", b"short"), ("mtls.sau.test", b"long")],
)
def test_a_way_may_answer_under_any_host_but_that_of_mutual_tls(
    client: FlaskClient, host: str, answered: bytes
) -> None:
    """That host's list of paths is asked by Flask's way."""
    assert client.get("/below/x", headers={"Host": host}).data.startswith(answered)
    assert client.get("/below/own", headers={"Host": host}).data.startswith(b"own" if host == "sau.test" else b"long")


def test_lines_of_the_log_carry_the_request_id(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    """That of the answer, as on Flask's way."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging(level="info", form="json")
        answer = client.get("/below/own")
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
    (line,) = map(json.loads, capfd.readouterr().err.splitlines())
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert (line["event"], line["endpoint"], line["method"], line["status"]) == ("request", "own", "GET", 200)


def test_a_redirect_names_its_address_in_what_headers_take() -> None:
    """RFC 3986: nothing that ends a line, nothing beyond ASCII; markup in it is none in the page."""
    assert dict(see_other("/a?b=c%20d&e=f#g").headers)["Location"] == "/a?b=c%20d&e=f#g"
    odd = see_other('https://á.example/"<b>\r\nX: y')
    location = dict(odd.headers)["Location"]
    assert location.isascii()
    assert not set(location) & set('\r\n"<> ')
    assert b"<b>" not in odd.body
    assert odd.status == "303 See Other"
