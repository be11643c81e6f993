"""A clock that was an hour wrong, and one beyond 2038: nothing is wrongly valid (attacks and faults, line 24)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit.sequencer import Sequencer
from audit.services import ensure_log_key
from audit.status import log_status
from composition import Composition
from idp.authentication.browser_session import find_session_by_sid, list_browser_sessions
from idp.web import mount
from kernel.clock import ManualClock
from keys.sealing import derive_secret
from tests.idp.relying_party import RelyingParty, Visitor, add_visitor, register
from tests.idp.signing import make_signing_keys
from web.application import create_app

_HOUR = timedelta(hours=1)


@pytest.fixture
def app(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The provider."""
    make_signing_keys(composition, monkeypatch)
    app = create_app(
        settings=composition.settings,
        clock=composition.clock,
        secret_key=derive_secret(composition.sealing_secret, "flask-session"),
    )
    mount(app, composition.idp)
    return app


@pytest.fixture
def server(app: Flask) -> FlaskClient:
    """An application's server."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def party(composition: Composition, app: Flask) -> RelyingParty:
    """A confidential application."""
    return register(composition)


@pytest.fixture
def visitor(composition: Composition, app: Flask) -> Visitor:
    """A person."""
    return add_visitor(composition, app)


def test_what_a_leading_clock_gave_is_worth_nothing_when_it_is_right_again(
    clock: ManualClock, composition: Composition, server: FlaskClient, party: RelyingParty, visitor: Visitor
) -> None:
    """Codes, access tokens and sessions of the wrong hour would live an hour too long: they end."""
    clock.advance(_HOUR)
    started = visitor.log_in()
    tokens = party.exchange(server, visitor.authorize(party)).get_json()
    code = visitor.authorize(party)
    assert _userinfo(server, tokens["access_token"]) == 200
    clock.advance(-_HOUR)
    assert party.exchange(server, code).get_json()["error"] == "invalid_grant"
    assert _userinfo(server, tokens["access_token"]) == 401
    with composition.database.reading() as session:
        assert find_session_by_sid(session, sid=started.sid, now=clock.now()) is None
        assert list_browser_sessions(session, person_id=visitor.person_id, now=clock.now()) == []
    page = visitor.http.get(party.authorization_url(prompt="none"))
    assert "error=login_required" in page.headers["Location"]


def test_what_was_given_before_the_clock_led_ends_and_comes_back_with_it(
    clock: ManualClock, server: FlaskClient, party: RelyingParty, visitor: Visitor
) -> None:
    """An hour ahead everything that lives minutes has ended; set right within their time, it is what it was."""
    visitor.log_in()
    tokens = party.exchange(server, visitor.authorize(party)).get_json()
    code = visitor.authorize(party)
    clock.advance(_HOUR)
    assert _userinfo(server, tokens["access_token"]) == 401
    assert party.exchange(server, code).get_json()["error"] == "invalid_grant"
    clock.advance(-_HOUR)
    assert _userinfo(server, tokens["access_token"]) == 200


def test_a_little_skew_between_machines_is_borne(
    clock: ManualClock, server: FlaskClient, party: RelyingParty, visitor: Visitor
) -> None:
    """What another node gave a minute ahead of us is taken."""
    clock.advance(timedelta(minutes=1))
    visitor.log_in()
    code = visitor.authorize(party)
    tokens = party.exchange(server, code).get_json()
    clock.advance(timedelta(minutes=-1))
    assert _userinfo(server, tokens["access_token"]) == 200
    assert party.exchange(server, visitor.authorize(party)).status_code == 200


def test_a_lease_from_the_future_holds_the_sequencer_up_for_nobody(
    clock: ManualClock, composition: Composition, visitor: Visitor
) -> None:
    """The one who took it an hour ahead is gone: another sequences at once, and the old one is fenced off."""
    ensure_log_key(composition.keystore)
    clock.advance(_HOUR)
    visitor.log_in()
    old = Sequencer(composition.audit)
    assert old.run() > 0
    clock.advance(-_HOUR)
    visitor.log_in()
    new = Sequencer(composition.audit)
    assert new.run() > 0
    visitor.log_in()
    assert old.run() == 0
    assert new.run() > 0
    with composition.database.reading() as session:
        assert log_status(session, now=clock.now()).waiting == 0


def test_beyond_2038_everything_is_as_ever(
    clock: ManualClock, server: FlaskClient, party: RelyingParty, visitor: Visitor
) -> None:
    """No time is kept in 32 bits: login, tokens and their end work on 2038-01-20; what was given before has ended."""
    visitor.log_in()
    early = party.exchange(server, visitor.authorize(party)).get_json()
    clock.advance(datetime(2038, 1, 20, 12, tzinfo=UTC) - clock.now())
    assert _userinfo(server, early["access_token"]) == 401
    visitor.log_in()
    code = visitor.authorize(party)
    tokens = party.exchange(server, code).get_json()
    assert party.claims(tokens["id_token"])["exp"] > 2**31
    assert _userinfo(server, tokens["access_token"]) == 200
    clock.advance(_HOUR)
    assert _userinfo(server, tokens["access_token"]) == 401


def _userinfo(server: FlaskClient, token: str) -> int:
    return server.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code
