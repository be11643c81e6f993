"""Ping: an application hears at a real address that a decision waits for it (CIBA Core §10.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

import idp.jobs
from composition import Composition
from kernel.clock import ManualClock
from kernel.outbox import OutboxTask, run_due
from kernel.settings import Settings
from tests.idp.call_centre import CallCentre, add_call_centre, approvals_of, press
from tests.idp.relying_party import Visitor, events
from tests.outgoing.host import Host, answering, ok, run_host

TOKEN = "8d67dc78-7faa-4d41-aabd-67707b374255"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The applications of these tests listen on loopback, which the operator lists."""
    return settings.model_copy(update={"outgoing_networks": (ip_network("127.0.0.0/8"),)})


@pytest.fixture
def receiver() -> Iterator[Host]:
    """An application's server that takes what comes."""
    with run_host(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as host:
        yield host


def _centre(composition: Composition, http: FlaskClient, host: Host) -> CallCentre:
    return add_call_centre(
        composition,
        http,
        backchannel_token_delivery_mode="ping",
        backchannel_client_notification_endpoint=f"http://127.0.0.1:{host.port}/ping",
    )


def _deliver(composition: Composition) -> int:
    return run_due(composition.database, idp.jobs.deliveries(composition.idp), now=composition.clock.now())


@pytest.mark.parametrize(("button", "status"), [("allow", 200), ("deny", 400)])
def test_a_decision_is_notified_and_then_collected(
    composition: Composition, receiver: Host, http: FlaskClient, visitor: Visitor, button: str, status: int
) -> None:
    """A POST of JSON with the client's bearer token, naming the request and nothing else; after a refusal, too."""
    centre = _centre(composition, http, receiver)
    asked = centre.ask(client_notification_token=TOKEN)
    assert _deliver(composition) == 0
    press(visitor, approvals_of(visitor)[0], button)
    assert _deliver(composition) == 1
    (request,) = receiver.requests
    header, _, body = request.decode().partition("\r\n\r\n")
    assert header.startswith("POST /ping HTTP/1.1\r\n")
    assert f"Authorization: Bearer {TOKEN}" in header and "Content-Type: application/json" in header
    assert json.loads(body) == {"auth_req_id": asked["auth_req_id"]}
    assert events(composition, "idp:delivery:delivered") == [("success", None, centre.party.client_id)]
    assert centre.poll(asked["auth_req_id"]).status_code == status


def test_the_queue_holds_ids_only(
    composition: Composition, receiver: Host, http: FlaskClient, visitor: Visitor
) -> None:
    """Neither the token nor the auth_req_id waits there in clear."""
    asked = _centre(composition, http, receiver).ask(client_notification_token=TOKEN)
    press(visitor, approvals_of(visitor)[0], "allow")
    with composition.database.reading() as session:
        payload = json.dumps(session.scalars(select(OutboxTask.payload)).one())
    assert TOKEN not in payload and asked["auth_req_id"] not in payload


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n"],
)
def test_a_notification_that_was_not_taken_is_repeated_while_the_request_lives(
    composition: Composition, http: FlaskClient, visitor: Visitor, clock: ManualClock, answer: bytes
) -> None:
    """Errors and redirects, which are not followed; once the request is over nothing is sent any more."""
    with run_host(answering(answer)) as host:
        centre = _centre(composition, http, host)
        centre.ask(client_notification_token=TOKEN)
        press(visitor, approvals_of(visitor)[0], "allow")
        assert _deliver(composition) == 0
        clock.advance(timedelta(seconds=30))
        assert _deliver(composition) == 0
        assert len(host.requests) == 2
        clock.advance(timedelta(minutes=10))
        _deliver(composition)
        assert len(host.requests) == 2


def test_a_200_is_as_good_as_a_204(composition: Composition, http: FlaskClient, visitor: Visitor) -> None:
    """CIBA Core §10.2: 204 should be, 200 may be; the body is ignored."""
    with run_host(ok(b'{"thanks": true}')) as host:
        _centre(composition, http, host).ask(client_notification_token=TOKEN)
        press(visitor, approvals_of(visitor)[0], "allow")
        assert _deliver(composition) == 1


def test_nothing_is_sent_for_a_request_that_was_collected_before(
    composition: Composition, receiver: Host, http: FlaskClient, visitor: Visitor
) -> None:
    """A client that also polls needs no ping."""
    centre = _centre(composition, http, receiver)
    asked = centre.ask(client_notification_token=TOKEN)
    press(visitor, approvals_of(visitor)[0], "allow")
    assert centre.poll(asked["auth_req_id"]).status_code == 200
    _deliver(composition)
    assert receiver.requests == []


def test_a_ping_client_must_send_a_token(
    composition: Composition, app: Flask, receiver: Host, http: FlaskClient
) -> None:
    """CIBA Core §7.1: required for ping, and long enough not to be guessed."""
    centre = _centre(composition, http, receiver)
    assert centre.refused() == "invalid_request"
    assert centre.refused(client_notification_token="short") == "invalid_request"
