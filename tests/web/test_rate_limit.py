"""Limits by network: refused with the time to wait, on record once, never in the way of a benchmark or an outage."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.web.conftest import MakeApp, Refusals
from web.client_address import network_of


def post(client: FlaskClient, address: str = "203.0.113.1") -> int:
    """Post once from ``address``."""
    return client.post("/limited", environ_base={"REMOTE_ADDR": address}).status_code


def test_one_too_many_gets_429_with_the_time_to_wait(client: FlaskClient) -> None:
    """RFC 6585 §4; the page says when to come back."""
    assert [post(client) for _ in range(3)] == [200, 200, 429]
    answer = client.post("/limited", environ_base={"REMOTE_ADDR": "203.0.113.1"})
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "Espere un momento" in answer.text
    assert "Podrá volver a intentar en" in answer.text


def test_reading_is_not_counted(client: FlaskClient) -> None:
    """Only what changes something counts unless the view says otherwise."""
    assert {client.get("/limited").status_code for _ in range(5)} == {200}


def test_each_network_counts_for_itself(client: FlaskClient) -> None:
    """One flood must not lock others out."""
    assert [post(client) for _ in range(3)] == [200, 200, 429]
    assert post(client, "203.0.113.2") == 200


def test_an_ipv6_network_counts_as_one(client: FlaskClient) -> None:
    """A subscriber has at least a /64 (RFC 6177): single addresses are free."""
    assert [post(client, f"2001:db8::{number}") for number in range(1, 4)] == [200, 200, 429]
    assert network_of("::ffff:203.0.113.1") == "203.0.113.1"


def test_a_flood_is_put_on_record_once_a_minute(client: FlaskClient, refusals: Refusals) -> None:
    """Refusals must not become a way to fill the log."""
    for _ in range(10):
        post(client)
    assert [reason for reason, _ in refusals] == ["rate_limited"]


def test_limits_off_counts_nothing(make_app: MakeApp) -> None:
    """SAU_RATE_LIMITS=off, for benchmarks on loopback."""
    client = make_app(rate_limits="off").test_client()
    assert {post(client) for _ in range(5)} == {200}


def test_counting_goes_on_in_memory_when_redis_does_not_answer(make_app: MakeApp) -> None:
    """Sign-in does not stop because a counter does, and is not unlimited either."""
    client = make_app(redis_url="redis://127.0.0.1:1/0?socket_connect_timeout=0.2").test_client()
    assert [post(client) for _ in range(3)] == [200, 200, 429]


def test_counters_are_shared_through_redis(make_app: MakeApp, redis_url: str) -> None:
    """Two processes count together."""
    one, two = (make_app(redis_url=redis_url).test_client() for _ in range(2))
    assert [post(one, "198.51.100.7"), post(two, "198.51.100.7"), post(one, "198.51.100.7")] == [200, 200, 429]
