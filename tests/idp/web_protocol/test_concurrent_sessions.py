"""How many sessions of one person an application takes at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from flask import Flask
from flask.testing import FlaskClient

import idp.jobs
from composition import Composition
from idp.authentication.browser_session import BrowserSession, list_browser_sessions
from kernel.clock import ManualClock
from kernel.outbox import run_due
from kernel.settings import Settings
from tests.idp.relying_party import RelyingParty, Visitor, add_visitor, answer_of, register
from tests.outgoing.host import Host, ok, run_host


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The application of these tests listens on loopback, which the operator lists."""
    return settings.model_copy(update={"outgoing_networks": (ip_network("127.0.0.0/8"),)})


@pytest.fixture
def receiver() -> Iterator[Host]:
    """An application's server that takes what comes."""
    with run_host(ok(b"")) as host:
        yield host


def _log_in(composition: Composition, app: Flask, person: Visitor, party: RelyingParty) -> BrowserSession:
    """Log the person in with a browser of his own, and at the application."""
    browser = Visitor(composition, app.test_client(), person.person_id)
    started = browser.log_in()
    party.exchange(browser.http, browser.authorize(party))
    return started


def test_the_oldest_session_ends_and_the_application_is_told(
    composition: Composition, app: Flask, receiver: Host, clock: ManualClock
) -> None:
    """``sessions_at_most``: one more ends the oldest; the same session again, or another person's, ends none."""
    out = f"http://127.0.0.1:{receiver.port}/out"
    party = register(composition, sessions_at_most=2, backchannel_logout_uri=out)
    other = register(composition)
    person = add_visitor(composition, app)
    sessions = []
    for _ in range(2):
        sessions.append(_log_in(composition, app, person, party))
        clock.advance(timedelta(minutes=1))
    _log_in(composition, app, add_visitor(composition, app, "0926687856"), party)
    elsewhere = _log_in(composition, app, person, other)
    again = Visitor(composition, app.test_client(), person.person_id)
    assert _alive(composition, person, clock) == {*(each.sid for each in sessions), elsewhere.sid}
    started = again.log_in()
    party.exchange(again.http, again.authorize(party))
    again.authorize(party)
    assert _alive(composition, person, clock) == {sessions[1].sid, elsewhere.sid, started.sid}
    run_due(composition.database, idp.jobs.deliveries(composition.idp), now=clock.now())
    assert len(receiver.requests) == 1


def test_the_newest_session_is_refused_where_the_application_wants_it(
    composition: Composition, app: Flask, http: FlaskClient, clock: ManualClock
) -> None:
    """``when_sessions_are_full: refuse``: an answer by redirect, and the older session goes on."""
    party = register(composition, sessions_at_most=1, when_sessions_are_full="refuse")
    person = add_visitor(composition, app)
    first = _log_in(composition, app, person, party)
    late = Visitor(composition, app.test_client(), person.person_id)
    second = late.log_in()
    answer = answer_of(late.http.get(party.authorization_url()))
    assert answer["error"] == "access_denied"
    assert _alive(composition, person, clock) == {first.sid, second.sid}


def _alive(composition: Composition, person: Visitor, clock: ManualClock) -> set[str]:
    with composition.database.reading() as session:
        found = list_browser_sessions(session, person_id=person.person_id, now=clock.now())
    return {each.sid for each in found}
