"""OpenID Provider, rule 7: when a refresh token may be seen again, and when that ends its family."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from composition import Composition
from kernel.clock import ManualClock
from tests.idp.dpop import Holder
from tests.idp.relying_party import RelyingParty, Visitor, change, events, register

SCOPE = "openid profile offline_access"


@pytest.fixture
def holder(composition: Composition) -> Holder:
    """A sender with a key."""
    return Holder(composition)


@pytest.fixture
def spa(composition: Composition, app: Flask) -> RelyingParty:
    """A public application."""
    return register(composition, token_endpoint_auth_method="none")


@pytest.fixture
def bound(spa: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder) -> str:
    """A refresh token bound to the holder's key."""
    code = visitor.authorize(spa, scope=SCOPE)
    answer = spa.exchange(http, code, holder.headers(), client_id=spa.client_id).get_json()
    token: str = answer["refresh_token"]
    return token


def _refresh(http: FlaskClient, who: RelyingParty, token: str, holder: Holder | None = None) -> dict[str, Any]:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": who.client_id}
    answer: dict[str, Any] = http.post("/token", data=form, headers=holder.headers() if holder else {}).get_json()
    return answer


def test_a_lost_answer_may_be_asked_for_again_with_the_same_key(
    composition: Composition, spa: RelyingParty, http: FlaskClient, holder: Holder, bound: str, clock: ManualClock
) -> None:
    """Within ten seconds; both answers are good, for both are worth nothing without the key. The retry is on record."""
    first = _refresh(http, spa, bound, holder)
    clock.advance(timedelta(seconds=10))
    second = _refresh(http, spa, bound, holder)
    assert len({bound, first["refresh_token"], second["refresh_token"]}) == 3
    for answer in (first, second):
        assert http.get("/userinfo", headers=holder.showing(answer["access_token"])).status_code == 200
        assert "access_token" in _refresh(http, spa, answer["refresh_token"], holder)
    assert events(composition, "idp:token:reused") == []


def test_after_the_grace_a_second_use_ends_the_family(
    composition: Composition, spa: RelyingParty, http: FlaskClient, holder: Holder, bound: str, clock: ManualClock
) -> None:
    """RFC 9700 §4.14.2: even with the key."""
    first = _refresh(http, spa, bound, holder)
    clock.advance(timedelta(seconds=11))
    assert _refresh(http, spa, bound, holder)["error"] == "invalid_grant"
    assert _refresh(http, spa, first["refresh_token"], holder)["error"] == "invalid_grant"
    assert http.get("/userinfo", headers=holder.showing(first["access_token"])).status_code == 401
    assert events(composition, "idp:token:reused") == [("refused", "reused", spa.client_id)]


@pytest.mark.parametrize("thief", [True, False])
def test_without_the_key_there_is_no_grace(
    composition: Composition, spa: RelyingParty, http: FlaskClient, holder: Holder, bound: str, thief: bool
) -> None:
    """With another key, or none, a used token is a stolen one at once."""
    first = _refresh(http, spa, bound, holder)
    assert _refresh(http, spa, bound, Holder(composition) if thief else None)["error"] == "invalid_grant"
    assert _refresh(http, spa, first["refresh_token"], holder)["error"] == "invalid_grant"


def test_bearer_clients_have_no_grace(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> None:
    """A client secret binds the client but not the request: a second use at once ends the family."""
    tokens = party.exchange(http, visitor.authorize(party, scope=SCOPE)).get_json()
    renewed = party.refresh(http, tokens["refresh_token"]).get_json()
    assert party.refresh(http, tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert party.refresh(http, renewed["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_two_at_once_with_the_key_both_go_on(
    app: Flask, spa: RelyingParty, http: FlaskClient, holder: Holder, bound: str
) -> None:
    """Two windows of one application that refresh at the same moment do not log the person out."""
    answers: list[dict[str, Any]] = []
    start = threading.Barrier(8)

    def refresh() -> None:
        with app.test_client(use_cookies=False) as client:
            start.wait()
            answers.append(_refresh(client, spa, bound, holder))

    threads = [threading.Thread(target=refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("access_token" in answer for answer in answers), answers
    assert "access_token" in _refresh(http, spa, answers[0]["refresh_token"], holder)


def test_a_policy_may_keep_one_refresh_token(
    composition: Composition,
    party: RelyingParty,
    visitor: Visitor,
    http: FlaskClient,
    holder: Holder,
    clock: ManualClock,
) -> None:
    """FAPI 2.0 §5.3.2.1 item 9: no rotation; the same token stays good while it is used, with proof of a key only."""
    code = visitor.authorize(party, scope=SCOPE)
    change(composition, party, policy="fapi2")
    nonce = party.exchange(http, code, party.basic() | holder.headers()).headers["DPoP-Nonce"]
    tokens = party.exchange(http, code, party.basic() | holder.headers(nonce=nonce)).get_json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    for _ in range(6):
        clock.advance(timedelta(days=13))
        nonce = http.post("/token", data=form, headers=party.basic() | holder.headers()).headers["DPoP-Nonce"]
        answer = http.post("/token", data=form, headers=party.basic() | holder.headers(nonce=nonce))
        assert answer.status_code == 200
        assert answer.get_json()["refresh_token"] == tokens["refresh_token"]
    assert http.post("/token", data=form, headers=party.basic()).get_json()["error"] == "invalid_request"
    clock.advance(timedelta(days=13))
    nonce = http.post("/token", data=form, headers=party.basic() | holder.headers()).headers["DPoP-Nonce"]
    over = http.post("/token", data=form, headers=party.basic() | holder.headers(nonce=nonce))
    assert over.get_json()["error"] == "invalid_grant"
