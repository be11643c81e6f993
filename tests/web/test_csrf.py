"""Forms are ours, or nothing happens."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

from tests.web.conftest import MakeApp, Refusals


def token_of(page: str) -> str:
    """The CSRF token in a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def test_a_form_with_its_token_is_taken(client: FlaskClient) -> None:
    """The token and the signed cookie belong together."""
    token = token_of(client.get("/form").text)
    assert client.post("/form", data={"word": "x", "csrf_token": token}).text == "saved x"


def test_a_form_without_token_gets_a_page_with_a_way_on(client: FlaskClient, refusals: Refusals) -> None:
    """attacks and faults, 9: refused, on record, and the reader is told how to go on."""
    answer = client.post("/form", data={"word": "x"})
    assert answer.status_code == 400
    assert "La página caducó" in answer.text
    assert 'href="/form"' in answer.text
    assert [reason for reason, _ in refusals] == ["csrf_failed"]
    assert "x" not in str(refusals[0][1].values())


def test_a_token_of_another_browser_is_refused(client: FlaskClient) -> None:
    """The token is bound to the browser's signed cookie."""
    other = client.application.test_client()
    token = token_of(other.get("/form").text)
    client.get("/form")
    assert client.post("/form", data={"word": "x", "csrf_token": token}).status_code == 400


def test_a_form_sent_from_another_site_is_refused_even_with_its_token(client: FlaskClient, refusals: Refusals) -> None:
    """Sec-Fetch-Site is the browser's word; a sibling host is another site too (cookie tossing)."""
    token = token_of(client.get("/form").text)
    for site in ("cross-site", "same-site"):
        answer = client.post("/form", data={"word": "x", "csrf_token": token}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 400
    assert [details["cause"] for _, details in refusals] == ["cross_site", "cross_site"]


def test_https_forms_need_no_referer(make_app: MakeApp) -> None:
    """Our own Referrer-Policy removes it: demanding it would refuse every form."""
    client = make_app(issuer="https://sau.test").test_client()
    token = token_of(client.get("/form").text)
    assert client.post("/form", data={"word": "x", "csrf_token": token}).status_code == 200


def test_an_exempt_endpoint_needs_no_token(client: FlaskClient) -> None:
    """Protocol endpoints authenticate their caller otherwise."""
    assert client.post("/machine", data={"word": "x"}, headers={"Sec-Fetch-Site": "cross-site"}).text == "machine x"


def test_the_way_on_of_a_page_that_only_takes_posts_is_the_start(client: FlaskClient) -> None:
    """A link must not lead to 405."""
    answer = client.post("/only-post")
    assert answer.status_code == 400
    assert 'href="/only-post"' not in answer.text


def test_a_recorder_that_fails_does_not_let_the_request_through(client: FlaskClient) -> None:
    """The refusal goes on."""
    from web.state import web_state

    def broken(_reason: str, _details: dict[str, object]) -> None:
        raise OSError("disk full")

    web_state(client.application).on_refusal = broken
    assert client.post("/form", data={"word": "x"}).status_code == 400


def test_a_flood_of_forged_forms_is_not_a_flood_of_records(client: FlaskClient, refusals: Refusals) -> None:
    """All are refused and logged; one network's refusals go on record thirty times a minute."""
    assert {client.post("/form", data={"word": "x"}).status_code for _ in range(40)} == {400}
    assert len(refusals) == 30
