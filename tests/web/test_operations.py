"""Health, readiness, metrics: one word for anyone, details for those who run the service."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import MakeApp
from web.operations import add_readiness_checks


def broken() -> None:
    """A check that fails."""
    raise ConnectionError("postgresql://user:hunter2@db-7")


def test_health_says_that_the_process_lives_under_any_host(client: FlaskClient) -> None:
    """Load balancers probe by address."""
    answer = client.get("/health", headers={"Host": "10.0.0.5"})
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_ready_names_the_check_that_fails_to_operators_without_its_words(client: FlaskClient) -> None:
    """An exception's message may hold an address or a password."""
    add_readiness_checks(client.application, [("database", broken), ("keys", lambda: None)])
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json == {"ready": False, "checks": {"database": False, "keys": True}}
    assert "hunter2" not in answer.text


def test_ready_tells_the_public_one_word(client: FlaskClient) -> None:
    """What we consist of is nobody's business."""
    add_readiness_checks(client.application, [("database", broken)])
    answer = client.get("/ready", environ_base={"REMOTE_ADDR": "203.0.113.1"})
    assert (answer.status_code, answer.json) == (503, {"ready": False})


def test_metrics_count_requests_by_endpoint_and_status(client: FlaskClient) -> None:
    """Labels are our names: a path that the client made up is not among them."""
    client.get("/error/denied")
    client.get("/made-up-by-a-scanner")
    text = client.get("/metrics").text
    assert 'sau_http_requests_total{endpoint="raise_error",method="GET",status="403"} 1.0' in text
    assert "made-up" not in text
    assert "sau_http_request_seconds_bucket" in text


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("203.0.113.1", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.1"}, 404),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.1"}, 404),
    ],
)
def test_metrics_are_for_this_machine_only(
    client: FlaskClient, peer: str, headers: dict[str, str], status: int
) -> None:
    """An undeclared proxy on this machine makes nobody an operator."""
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": peer}, headers=headers).status_code == status


@pytest.mark.parametrize(("client_address", "status"), [("10.1.2.3", 200), ("203.0.113.1", 404)])
def test_behind_the_proxy_metrics_are_for_the_trusted_networks(
    make_app: MakeApp, client_address: str, status: int
) -> None:
    """The address that counts is the client's, not the proxy's."""
    client = make_app(trusted_proxies="10.0.0.0/8").test_client()
    answer = client.get(
        "/metrics", environ_base={"REMOTE_ADDR": "10.0.0.1"}, headers={"X-Forwarded-For": client_address}
    )
    assert answer.status_code == status
