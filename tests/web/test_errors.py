"""Every error: a status by family, a page in plain Spanish, a reference that leads to the cause in the log."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from flask_babel import lazy_gettext
from structlog.testing import capture_logs

from web.error_texts import ErrorText, describe_errors

REFERENCE = re.compile(r'<p class="ref">([0-9A-Z]{4}-[0-9A-Z]{4})</p>')


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("rejected", 400, "No pudimos aceptar lo que envió"),
        ("denied", 403, "No tiene permiso para esto"),
        ("not_found", 404, "Esta página no existe"),
        ("conflict", 409, "Algo cambió mientras tanto"),
        ("already_consumed", 409, "Esto ya se usó"),
        ("throttled", 429, "2 minutos"),
        ("unavailable", 503, "El servicio no responde"),
        ("fault", 500, "Algo falló de nuestro lado"),
        ("unmapped", 500, "Algo falló de nuestro lado"),
        ("plain", 500, "Algo falló de nuestro lado"),
    ],
)
def test_a_family_has_one_status_and_one_page(client: FlaskClient, name: str, status: int, words: str) -> None:
    """What happened, what to do, a reference: on every page."""
    answer = client.get(f"/error/{name}")
    assert answer.status_code == status
    assert words in answer.text
    assert REFERENCE.search(answer.text)


def test_an_unmapped_error_says_nothing_of_its_cause_and_logs_it_under_the_reference(client: FlaskClient) -> None:
    """Errors are quiet outside (style): the cause stands in the log, tied by reference and request id."""
    with capture_logs() as lines:
        answer = client.get("/error/unmapped")
    reference = REFERENCE.search(answer.text)
    assert reference
    assert "hunter2" not in answer.text and "RuntimeError" not in answer.text
    (line,) = [line for line in lines if line["event"] == "request_failed"]
    assert line["reference"] == reference[1]
    assert isinstance(line["exc_info"], RuntimeError)


def test_the_words_of_a_fault_stay_inside(client: FlaskClient) -> None:
    """A fault's detail is for operators."""
    for headers in ({}, {"Accept": "application/json"}):
        assert "ledger" not in client.get("/error/fault", headers=headers).text


@pytest.mark.parametrize(("name", "seconds"), [("throttled", "120"), ("unavailable", "10")])
def test_what_passes_by_itself_says_when(client: FlaskClient, name: str, seconds: str) -> None:
    """RFC 9110 §10.2.3 Retry-After."""
    assert client.get(f"/error/{name}").headers["Retry-After"] == seconds


def test_a_program_gets_problem_details(client: FlaskClient) -> None:
    """RFC 9457 §3."""
    answer = client.get("/error/rejected", headers={"Accept": "application/json"})
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert answer.json["type"] == "urn:sau:error:bad_field"
    assert (answer.json["status"], answer.json["detail"]) == (400, "A field is missing.")
    assert answer.json["instance"].endswith(answer.json["reference"])
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


def test_a_browser_gets_a_page_though_it_takes_anything(client: FlaskClient) -> None:
    """Browsers end their Accept with ``*/*``."""
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert client.get("/error/denied", headers={"Accept": accept}).mimetype == "text/html"
    assert client.get("/error/denied", headers={"Accept": "*/*"}).mimetype == "text/html"


def test_a_house_gives_a_code_its_own_sentence(client: FlaskClient) -> None:
    """The page says the house's words and completes them with the family's."""
    describe_errors(client.application, {"bad_field": ErrorText(happened=lazy_gettext("Falta la cédula."))})
    page = client.get("/error/rejected").text
    assert "Falta la cédula." in page
    assert "No pudimos aceptar lo que envió" in page


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/only-post", 405), ("DELETE", "/", 405)]
)
def test_http_errors_have_pages_too(client: FlaskClient, method: str, path: str, status: int) -> None:
    """404, 405 and the like."""
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert REFERENCE.search(answer.text)
    if status == 405:
        assert answer.headers["Allow"]


def test_an_error_page_that_cannot_be_made_still_answers(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken template must not hide the reference."""

    def broken(*_args: object, **_context: object) -> str:
        raise RuntimeError("template")

    monkeypatch.setattr("web.error_pages.render_template", broken)
    answer = client.get("/error/denied")
    assert answer.status_code == 403
    assert re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", answer.text)


def test_what_came_in_the_address_is_not_markup(client: FlaskClient) -> None:
    """Reflected text is escaped."""
    assert "<script>" not in client.get("/<script>alert(1)</script>?x=<script>").text
