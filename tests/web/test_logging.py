"""Log lines tie everything by request id and hold nothing secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from flask.testing import FlaskClient

from web.logging import configure_logging


@pytest.fixture(autouse=True)
def put_logging_back() -> Iterator[None]:
    """Logging is the process's: other tests get theirs back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_lines_are_json_with_the_request_id(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    """One request, one id, also in the answer."""
    configure_logging(level="info", form="json")
    answer = client.get("/error/unmapped")
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert {line["request_id"] for line in lines} == {answer.headers["X-Request-Id"]}
    assert [line["event"] for line in lines] == ["request_failed", "request"]
    assert lines[1]["status"] == 500


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_query_body_header_or_local_variable_reaches_the_log(
    client: FlaskClient, capfd: pytest.CaptureFixture[str], form: str
) -> None:
    """A code in an address and a password in a form stay out, even when the view fails."""
    configure_logging(level="info", form=form)

    def fail() -> str:
        from flask import request

        typed = request.form["password"]
        return str(len(typed) / 0)

    client.application.add_url_rule("/fail", view_func=fail, methods=["POST"])
    from web.csrf import exempt

    exempt(fail)
    client.post(
        "/fail?code=SECRET-QUERY", data={"password": "SECRET-BODY"}, headers={"Authorization": "Bearer SECRET-HEADER"}
    )
    written = capfd.readouterr().err
    assert "ZeroDivisionError" in written
    assert "SECRET" not in written


def test_a_secret_given_to_the_log_by_mistake_is_struck_out(capfd: pytest.CaptureFixture[str]) -> None:
    """The last net, by name of the value."""
    configure_logging(level="info", form="json")
    structlog.get_logger("x").info("oops", client_secret="abc123", access_token="def456", ok="fine")
    logging.getLogger("lib").warning("from a library")
    first, second = (json.loads(line) for line in capfd.readouterr().err.splitlines())
    assert (first["client_secret"], first["access_token"], first["ok"]) == ("[redacted]", "[redacted]", "fine")
    assert second["event"] == "from a library"


def test_debug_of_libraries_that_print_tokens_stays_off(capfd: pytest.CaptureFixture[str]) -> None:
    """Authlib's debug lines hold whole tokens."""
    configure_logging(level="debug", form="json")
    logging.getLogger("authlib.oauth2").debug("token=abc")
    assert capfd.readouterr().err == ""
